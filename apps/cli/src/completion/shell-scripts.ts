import type { ShellName } from "./shell-line.ts";

// Each calls `agentv __complete` and passes its output to the shell as plain text, which is never evaluated.

/** Works with bash 3.2 and newer, with or without the bash-completion package. */
const bash = `# Completion of agentv for bash. In ~/.bashrc: eval "$(agentv completion bash)"
_agentv() {
	local line
	COMPREPLY=()
	while IFS= read -r line; do
		COMPREPLY+=("$line")
	done < <(command agentv __complete bash -- "$COMP_WORDBREAKS" "\${COMP_LINE:0:COMP_POINT}" </dev/null 2>/dev/null)
}
complete -o nospace -F _agentv agentv
`;

/** Also works as a file \`_agentv\` in the fpath. */
const zsh = `#compdef agentv
# Completion of agentv for zsh. In ~/.zshrc, after compinit: source <(agentv completion zsh)
_agentv() {
	local -a lines words_done texts_done words_open texts_open
	local line text about
	lines=("\${(@f)$(command agentv __complete zsh -- "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" </dev/null 2>/dev/null)}")
	for line in "\${lines[@]}"; do
		about=\${line#??*$'\\t'}
		text=\${\${line#??}%%$'\\t'*}
		[[ -n $text ]] || continue
		[[ -n $about ]] && about="$text  -- $about" || about=$text
		if [[ $line == +* ]]; then
			words_open+=("$text") texts_open+=("$about")
		else
			words_done+=("$text") texts_done+=("$about")
		fi
	done
	[[ $PREFIX == '~'*/* ]] && compset -P '*/'
	local -a how
	[[ "\${texts_done[*]}\${texts_open[*]}" == *'  -- '* ]] && how=(-l)
	local ret=1
	(( $#words_done )) && compadd $how -d texts_done -a -- words_done && ret=0
	(( $#words_open )) && compadd $how -S '' -d texts_open -a -- words_open && ret=0
	return ret
}
if [[ $funcstack[1] == _agentv ]]; then
	_agentv "$@"
elif (( $+functions[compdef] )); then
	compdef _agentv agentv
else
	print -u2 'agentv: call compinit before this, for example: autoload -Uz compinit && compinit'
fi
`;

const fish = `# Completion of agentv for fish. Save it as ~/.config/fish/completions/agentv.fish
function __agentv_complete
	set -l words (commandline -opc)
	set -e words[1]
	set -l last (commandline -ct)
	command agentv __complete fish -- $words "$last" </dev/null 2>/dev/null
end
complete -c agentv -f -a '(__agentv_complete)'
`;

export const shellScripts: Readonly<Record<ShellName, string>> = { bash, zsh, fish };
