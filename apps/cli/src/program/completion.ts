import { Argument } from "commander";
import { shellNames } from "../completion/shell-names.ts";
import type { CommandGroup } from "./command-group.ts";

/** Adds `agentv completion <shell>` and the hidden command that its scripts call. */
export const completionCommands: CommandGroup = (program, run) => {
	program
		.command("completion")
		.addArgument(new Argument("<shell>", "shell").choices(shellNames))
		.description("print the shell completion script")
		.addHelpText(
			"after",
			'\nbash: in ~/.bashrc: eval "$(agentv completion bash)"\n' +
				"zsh:  in ~/.zshrc, after compinit: source <(agentv completion zsh)\n" +
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
