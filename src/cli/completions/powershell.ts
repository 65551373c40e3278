import { commonOptions, type CompletionCommand, type CompletionValue } from "./completion_model.ts";

/** The script for PowerShell 5 and later; only ASCII, as PowerShell 5 takes a script for text of another encoding. */
export function powershellCompletions(model: readonly CompletionCommand[]): string {
  const common = commonOptions(model);
  const valued = common.filter(({ value }) => value.kind !== "none").map(({ name }) => quoted(name));
  const switches = common.filter(({ value }) => value.kind === "none")
    .flatMap(({ name, letter }) => letter === undefined ? [name] : [name, letter]).map(quoted);
  return `# PowerShell completion for mcp-connect

Register-ArgumentCompleter -Native -CommandName 'mcp-connect' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commands = [ordered]@{
${model.map(({ name, brief }) => `        ${quoted(name)} = ${quoted(brief)}`).join("\n")}
    }
    # Of each command the words it takes, and its options: name, what it takes (- nothing, ? something), brief.
    $words = @{
${
    model.filter(({ words }) => words.length > 0).map(({ name, words }) =>
      `        ${quoted(name)} = @(${words.map(quoted).join(", ")})`
    ).join("\n")
  }
    }
    $options = @{
${
    model.map(({ name, options }) => {
      const rows = options.map((it) =>
        `            , @(${quoted(it.name)}, ${takes(it.value)}, ${quoted(it.brief)})`
      );
      return `        ${quoted(name)} = @(\n${rows.join("\n")}\n        )`;
    }).join("\n")
  }
    }
    $valued = @(${valued.join(", ")})
    $switches = @(${switches.join(", ")})

    $before = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.Extent.Text })
    # What follows -- is a command line of its own.
    if ($before -ccontains '--') { return }

    # The command: the first word that is no option of all commands, or the one that is meant by something else.
    $command = ''
    for ($i = 0; $i -lt $before.Count; $i++) {
        $name = ($before[$i] -split '=', 2)[0]
        if ($switches -ccontains $name) { continue }
        if ($valued -ccontains $name) {
            if ($before[$i] -notmatch '=') { $i++ }
            continue
        }
        if ($commands.Contains($before[$i])) { $command = $before[$i] } else { $command = 'proxy' }
        break
    }
    if ($command -eq '') { $chosen = 'proxy' } else { $chosen = $command }

    function Complete([string] $text, [string] $tip) {
        [System.Management.Automation.CompletionResult]::new($text, $text, 'ParameterValue', $tip)
    }

    # The value of an option, which = or a space sets apart.
    $prefix = ''
    $part = $wordToComplete
    $option = ''
    if ($wordToComplete -match '^(--[a-z-]+)=(.*)$') {
        $option = $Matches[1]
        $prefix = $option + '='
        $part = $Matches[2]
    } elseif ($before.Count -gt 0) {
        $option = $before[-1]
    }
    foreach ($row in $options[$chosen]) {
        if ($row[0] -cne $option -or $row[1] -eq '-') { continue }
        if ($row[1] -eq '?') { return }
        $row[1] -split ' ' | Where-Object { $_.StartsWith($part) } | ForEach-Object { Complete ($prefix + $_) $row[2] }
        return
    }

    if ($wordToComplete.StartsWith('-')) {
        $options[$chosen] | Where-Object { $_[0].StartsWith($wordToComplete) } | ForEach-Object { Complete $_[0] $_[2] }
        return
    }
    if ($command -eq '') {
        $commands.Keys | Where-Object { $_.StartsWith($wordToComplete) } | ForEach-Object { Complete $_ $commands[$_] }
    } elseif ($words.ContainsKey($command)) {
        $words[$command] | Where-Object { $_.StartsWith($wordToComplete) } | ForEach-Object { Complete $_ $_ }
    }
}
`;
}

function takes(value: CompletionValue): string {
  if (value.kind === "none") return "'-'";
  return value.kind === "words" ? quoted(value.words.join(" ")) : "'?'";
}

/** A text as a string in which nothing is expanded; what is no ASCII has a stand-in. */
function quoted(text: string): string {
  const ascii = text.replaceAll("…", "...").replace(/[^\x20-\x7e]/g, "?");
  return `'${ascii.replaceAll("'", "''")}'`;
}
