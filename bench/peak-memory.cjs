// Loaded before a measured program: says on its stderr, when it ends, how much memory it had at most (in KB).
process.on("exit", () => process.stderr.write(`PEAK ${process.resourceUsage().maxRSS}\n`));
