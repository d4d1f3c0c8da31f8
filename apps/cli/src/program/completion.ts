import { Argument } from "commander";
import { shellNames } from "../completion/shell-names.ts";
import type { CommandGroup } from "./command-group.ts";

/** `agentv completion <shell>`, and what its scripts ask. */
export const completionCommands: CommandGroup = (program, run) => {
	program
		.command("completion")
		.addArgument(new Argument("<shell>", "your shell").choices(shellNames))
		.description("print the script that completes commands, options and names in your shell")
		.addHelpText(
			"after",
			'\nbash: in ~/.bashrc: eval "$(agentv completion bash)"\n' +
				"zsh:  in ~/.zshrc, behind compinit: source <(agentv completion zsh)\n" +
				"fish: agentv completion fish > ~/.config/fish/completions/agentv.fish",
		)
		.action((shell) => run(async () => (await import("../commands/completion.ts")).completion(shell)));
	program
		.command("__complete", { hidden: true })
		.addArgument(new Argument("<shell>").choices(shellNames))
		.argument("[words...]")
		.action((shell, words) =>
			run(async (context) => (await import("../commands/complete.ts")).complete(program, shell, words, context)),
		);
};
