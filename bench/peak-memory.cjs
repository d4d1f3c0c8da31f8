// Required by a measured program: reports its peak memory (KB) on stderr when it ends.
process.on("exit", () => process.stderr.write(`PEAK ${process.resourceUsage().maxRSS}\n`));
