import {
  commonOptions,
  type CompletionCommand,
  type CompletionOption,
  type CompletionValue,
} from "./completion_model.ts";

/** The script for zsh 5, as a file `_mcp-connect` in a directory of `fpath` or to be read after `compinit`. */
export function zshCompletions(model: readonly CompletionCommand[]): string {
  const common = commonOptions(model);
  const valued = common.filter(({ value }) => value.kind !== "none");
  const switches = common.filter(({ value }) => value.kind === "none");
  return `#compdef mcp-connect
# zsh completion for mcp-connect

_mcp-connect() {
  local curcontext="$curcontext" command= i=2
  local -a briefs

  # What follows -- is a command line of its own.
  local vector=\${words[(i)--]}
  if (( vector < CURRENT )); then
    words=("\${(@)words[vector + 1, -1]}")
    (( CURRENT -= vector ))
    _normal
    return
  fi

  # The command: the first word that is no option of all commands, or the one that is meant by something else.
  while (( i < CURRENT )); do
    case \${words[i]} in
      ${valued.map(({ name }) => name).join("|")}) (( i += 1 )) ;;
      ${valued.map(({ name }) => `${name}=*`).join("|")}) ;;
      ${switches.flatMap(({ name, letter }) => letter === undefined ? [name] : [name, letter]).join("|")}) ;;
      ${model.map(({ name }) => name).join("|")})
        command=\${words[i]}
        words[i]=()
        (( CURRENT -= 1 ))
        break
        ;;
      *)
        command=proxy
        break
        ;;
    esac
    (( i += 1 ))
  done

  if [[ -z $command && \${words[CURRENT]} != -* && i -eq CURRENT ]]; then
    briefs=(
${model.map(({ name, brief }) => `      ${quoted(`${name}:${brief.replaceAll(":", "\\:")}`)}`).join("\n")}
    )
    _describe -t commands 'command' briefs
    return
  fi

  case \${command:-proxy} in
${model.map(commandCase).join("\n")}
  esac
}

if [[ "\${funcstack[1]}" == _mcp-connect ]]; then
  _mcp-connect "$@"
else
  compdef _mcp-connect mcp-connect
fi
`;
}

function commandCase({ name, options, words }: CompletionCommand): string {
  const specs = options.flatMap(optionSpecs);
  const bare = words.length > 0
    ? [quoted(`1:${name === "help" ? "command" : "shell"}:(${words.join(" ")})`)]
    : name === "proxy" || name === "test"
    ? [quoted("1:endpoint:()")]
    : [];
  return [
    `    ${name})`,
    `      _arguments -S : \\`,
    [...specs, ...bare].map((it) => `        ${it}`).join(" \\\n"),
    `      ;;`,
  ]
    .join("\n");
}

function optionSpecs({ name, letter, brief, value, repeatable }: CompletionOption): string[] {
  const explained = `[${brief.replace(/[\\\[\]:]/g, "\\$&")}]`;
  if (letter !== undefined) {
    return [letter, name].map((it) => quoted(`(- *)${it}${explained}`));
  }
  const times = repeatable ? "*" : "";
  const equals = value.kind === "none" ? "" : "=";
  return [quoted(`${times}${name}${equals}${explained}${action(value)}`)];
}

function action(value: CompletionValue): string {
  switch (value.kind) {
    case "none":
      return "";
    case "words":
      return `:word:(${value.words.join(" ")})`;
    case "file":
      return ":file:_files";
    case "directory":
      return ":directory:_path_files -/";
    case "text":
      return `:${value.label.replace(/[\\:]/g, "\\$&")}: `;
  }
}

/** A text as one word of the shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
