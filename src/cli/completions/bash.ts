import {
  commonOptions,
  type CompletionCommand,
  type CompletionOption,
  type CompletionValue,
} from "./completion_model.ts";

/**
 * The script for bash 3.2 and later (for directories and the names of programs 4.0 is needed). File names are left to
 * bash itself, which knows best how to quote them.
 */
export function bashCompletions(model: readonly CompletionCommand[]): string {
  const common = commonOptions(model);
  return `# bash completion for mcp-connect

_mcp_connect() {
  local cur=\${COMP_WORDS[COMP_CWORD]} option= prefix= command= vector= i=1 word
  COMPREPLY=()

  # The command: the first word that is no option of all commands, or the one that is meant by something else.
  while ((i < COMP_CWORD)); do
    word=\${COMP_WORDS[i]}
    if [[ $word == -- ]]; then
      vector=$i
      break
    elif [[ -z $command ]]; then
      case $word in
        ${alternatives(common.filter(takesValue))})
          ((i += 1))
          [[ \${COMP_WORDS[i]} == = ]] && ((i += 1))
          ;;
        ${alternatives(common.filter((it) => !takesValue(it)))}) ;;
        ${common.filter(takesValue).map(({ name }) => `${name}=*`).join("|")}) ;;
        ${model.map(({ name }) => name).join("|")}) command=$word ;;
        *) command=proxy ;;
      esac
    fi
    ((i += 1))
  done

  if [[ -n $vector ]]; then
    if ((COMP_CWORD == vector + 1)); then
      while IFS= read -r word; do
        COMPREPLY+=("$word")
      done < <(compgen -c -- "$cur")
    fi
    return
  fi

  # The option whose value is asked for; bash makes three words of --name=value, as = is one of its word breaks.
  if [[ $cur == --*=* ]]; then
    option=\${cur%%=*} prefix=\${cur%%=*}= cur=\${cur#*=}
  elif [[ $cur == = ]]; then
    option=\${COMP_WORDS[COMP_CWORD - 1]} cur=
  elif ((COMP_CWORD > 2)) && [[ \${COMP_WORDS[COMP_CWORD - 1]} == = ]]; then
    option=\${COMP_WORDS[COMP_CWORD - 2]}
  else
    option=\${COMP_WORDS[COMP_CWORD - 1]}
  fi

  case \${command:-proxy} in
${model.map(commandCase).join("\n")}
  esac

  if [[ -z $command && $cur != -* ]]; then
    COMPREPLY=($(compgen -W '${model.map(({ name }) => name).join(" ")}' -- "$cur"))
  fi
}

complete -o default -F _mcp_connect mcp-connect
`;
}

function commandCase({ name, options, words }: CompletionCommand): string {
  const values = options.filter(takesValue);
  const bare = words.length === 0 ? [] : [
    `      if [[ $cur != -* && -n $command ]]; then`,
    `        COMPREPLY=($(compgen -W '${words.join(" ")}' -- "$cur"))`,
    `        return`,
    `      fi`,
  ];
  return [
    `    ${name})`,
    ...(values.length === 0 ? [] : [
      `      case $option in`,
      ...groups(values).map(([names, value]) => `        ${names.join("|")}) ${reply(value)}; return ;;`),
      `      esac`,
    ]),
    `      if [[ $cur == -* ]]; then`,
    `        COMPREPLY=($(compgen -W '${options.map((it) => it.name).join(" ")}' -- "$cur"))`,
    `        return`,
    `      fi`,
    ...bare,
    `      ;;`,
  ].join("\n");
}

function reply(value: CompletionValue): string {
  switch (value.kind) {
    case "words":
      return `COMPREPLY=($(compgen -P "$prefix" -W '${value.words.join(" ")}' -- "$cur"))`;
    case "directory":
      return "compopt +o default -o dirnames 2>/dev/null";
    case "file":
      // Nothing: bash goes on with file names.
      return ":";
    default:
      return "compopt +o default 2>/dev/null";
  }
}

/** The options that are completed alike. */
function groups(options: readonly CompletionOption[]): [names: string[], value: CompletionValue][] {
  const found = new Map<string, [string[], CompletionValue]>();
  for (const { name, value } of options) {
    const key = reply(value);
    const group = found.get(key);
    if (group === undefined) found.set(key, [[name], value]);
    else group[0].push(name);
  }
  return [...found.values()];
}

function alternatives(options: readonly CompletionOption[]): string {
  return options.flatMap(({ name, letter }) => letter === undefined ? [name] : [name, letter]).join("|");
}

function takesValue({ value }: CompletionOption): boolean {
  return value.kind !== "none";
}
