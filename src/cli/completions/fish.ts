import {
  commonOptions,
  type CompletionCommand,
  type CompletionOption,
  type CompletionValue,
} from "./completion_model.ts";

/** The script for fish 3 and later. */
export function fishCompletions(model: readonly CompletionCommand[]): string {
  const common = commonOptions(model);
  const valued = common.filter(({ value }) => value.kind !== "none").map(({ name }) => name);
  const switches = common.filter(({ value }) => value.kind === "none")
    .flatMap(({ name, letter }) => letter === undefined ? [name] : [name, letter]);
  const names = model.map(({ name }) => name);
  return `# fish completion for mcp-connect

# The command of the line so far: the first word that is no option of all commands, or proxy, which something else means.
function __mcp_connect_command
    set -l tokens (commandline -opc)
    set -e tokens[1]
    while set -q tokens[1]
        switch $tokens[1]
            case ${valued.join(" ")}
                set -e tokens[1]
                set -q tokens[1]; and set -e tokens[1]
            case ${[...switches, ...valued.map((name) => `'${name}=*'`)].join(" ")}
                set -e tokens[1]
            case ${names.join(" ")}
                echo $tokens[1]
                return
            case '*'
                echo proxy
                return
        end
    end
end

# Whether the command is one of these; where there is none yet, proxy is meant.
function __mcp_connect_is
    __mcp_connect_is_vector; and return 1
    set -l command (__mcp_connect_command)
    test -n "$command"; or set command proxy
    contains -- $command $argv
end

function __mcp_connect_is_vector
    contains -- -- (commandline -opc)
end

function __mcp_connect_is_open
    test -z (__mcp_connect_command); and not __mcp_connect_is_vector
end

# What follows -- is a command line of its own.
function __mcp_connect_vector
    set -l tokens (commandline -opc)
    set -l dashes (contains -i -- -- $tokens)
    set -l rest
    test $dashes -lt (count $tokens); and set rest (string escape -- $tokens[(math $dashes + 1)..-1])
    complete -C (string join ' ' -- $rest (commandline -ct))
end

complete -c mcp-connect -f
complete -c mcp-connect -n __mcp_connect_is_vector -a '(__mcp_connect_vector)'
${
    model.map(({ name, brief }) =>
      `complete -c mcp-connect -n __mcp_connect_is_open -a ${name} -d ${quoted(brief)}`
    ).join("\n")
  }
${
    model.filter(({ words }) => words.length > 0).map(({ name, words }) =>
      `complete -c mcp-connect -n '__mcp_connect_is ${name}' -a ${quoted(words.join(" "))}`
    ).join("\n")
  }
${allOptions(model).map(([option, commands]) => optionLine(option, commands)).join("\n")}
`;
}

/** Each option once, with the commands that have it. */
function allOptions(model: readonly CompletionCommand[]): [CompletionOption, string[]][] {
  const found = new Map<string, [CompletionOption, string[]]>();
  for (const { name, options } of model) {
    for (const option of options) {
      const known = found.get(option.name);
      if (known === undefined) found.set(option.name, [option, [name]]);
      else known[1].push(name);
    }
  }
  return [...found.values()];
}

function optionLine({ name, letter, brief, value }: CompletionOption, commands: readonly string[]): string {
  return [
    `complete -c mcp-connect -n '__mcp_connect_is ${commands.join(" ")}'`,
    ...(letter === undefined ? [] : [`-s ${letter.slice(1)}`]),
    `-l ${name.slice(2)}`,
    ...valueFlags(value),
    `-d ${quoted(brief)}`,
  ].join(" ");
}

function valueFlags(value: CompletionValue): string[] {
  switch (value.kind) {
    case "none":
      return [];
    case "words":
      return ["-x", `-a ${quoted(value.words.join(" "))}`];
    case "file":
      return ["-r", "-F"];
    case "directory":
      return ["-x", "-a '(__fish_complete_directories (commandline -ct))'"];
    case "text":
      return ["-x"];
  }
}

/** A text as one word of the shell. */
function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
