import {
  type CommandName,
  defaultOf,
  isCommon,
  OPTION_GROUPS,
  OPTIONS,
  type OptionSpec,
  variableOf,
} from "../../src/config/options.ts";

/** The page `docs/options.md`, from the table that the parser and `--help` use too. */
export function optionsPage(): string {
  const sections = OPTION_GROUPS.map((group) => {
    const options = OPTIONS.filter((option) => option.group === group);
    return [
      `## ${group}`,
      "",
      "| Option | Variable | Commands | Default | Meaning |",
      "| --- | --- | --- | --- | --- |",
      ...options.map(row),
    ].join("\n");
  });
  return `${INTRODUCTION}\n${sections.join("\n\n")}\n`;
}

function row(option: OptionSpec): string {
  const value = option.placeholder === undefined ? "" : ` ${option.placeholder}`;
  const cells = [
    code(`--${option.name}${value}`),
    code(variableOf(option.name)),
    isCommon(option) ? "all" : option.commands.join(", "),
    defaults(option),
    option.brief.replaceAll("*", "\\*"),
  ];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function defaults(option: OptionSpec): string {
  if (typeof option.default !== "object") return option.default === undefined ? "" : code(option.default);
  const commands = Object.keys(option.default) as CommandName[];
  return commands.map((command) => `${code(defaultOf(option, command)!)} (${command})`).join(", ");
}

function code(text: string): string {
  return `\`${text}\``;
}

const INTRODUCTION = `# Options

\`mcp-connect help COMMAND\` shows the same in the terminal.

An option on the command line wins over its environment variable, and that over the default. \`--name value\` and
\`--name=value\` mean the same; a value that begins with \`-\` needs the second form. The options of all commands may
also stand before the command's name. An empty variable counts as not set. A switch's variable is \`1\`, \`true\`,
\`yes\`, \`0\`, \`false\` or \`no\`. What may be repeated has a line for each value in its variable, or commas between
tools. The variable of an option that a command does not have means nothing to it. Deno shows variables only with
\`--allow-env\`; those it hides count as not set. Which permissions a command line needs, \`mcp-connect permissions\` tells:
[permissions.md](permissions.md).

## The endpoint

It is given as a bare argument, with \`--endpoint\`, or as a command after \`--\`, in one of these ways only (several
endpoints are dealt with below); or by \`MCP_CONNECT_ENDPOINT\`, and then \`mcp-connect\` alone, or with options, means \`mcp-connect proxy\`.

| Text | Endpoint |
| --- | --- |
| \`http://…\`, \`https://…\` | a URL: Streamable HTTP, or HTTP+SSE of 2024-11-05 if the server only knows that |
| \`tcp://host:port\`, \`host:port\`, \`[::1]:9000\` | newline-delimited JSON-RPC over TCP |
| \`unix:path\`, \`unix:///path\` | the same over a Unix socket |
| \`node server.js --port 1\`, \`C:\\srv\\a.exe\` | a command, spoken to on its stdin and stdout |
| \`-- CMD ARGS…\` | a command, its words exactly as they are |

A text that begins with any other scheme (\`ws://\`, \`ftp:\`) is an error, never a command. A URL with a user name or
password is refused, as it would end up in logs: use the options for credentials.

A command line is split into words without a shell:

- Spaces, tabs and line breaks separate words.
- Between single quotes every character stands for itself.
- Between double quotes too, but on POSIX a backslash before \`"\`, \`\\\`, \`$\` or a backquote takes its meaning away, and
  one before a line break removes both.
- Elsewhere on POSIX a backslash takes the next character's meaning away. On Windows, and in a command line that begins
  like \`C:\\\`, a backslash is a character like any other, everywhere.
- Quotes may begin and end inside a word, and \`""\` is an empty word.
- Nothing is expanded: no variables, globs, \`~\`, \`;\`, \`|\` or \`>\`.
- A quote that is not closed, or a backslash at the end, is an error.

## Several upstreams

\`load-balance\` spreads requests over several upstreams; so do \`proxy\` and \`auth-proxy\` as soon as there is more than
one: several \`--endpoint\`, \`--endpoints\`, \`--endpoints-file\`, or a name to look up. Upstreams are all that is named:
\`load-balance\`'s bare arguments, each \`--endpoint\`, \`--endpoints\` with commas in between (a command line with commas
goes into one of the others), the command after \`--\`, and the lines of \`--endpoints-file\`, in this order. What the
command line names replaces what the environment does. The same upstream twice is an error.

| At the end of an upstream | Meaning |
| --- | --- |
| \`;weight=N\` | its share next to the others' 1: above 0 and up to 1000, with decimals if wanted; 0 is \`;drain\` |
| \`;drain\` | it takes nothing new |

Other semicolons are the endpoint's own, but what looks like a misspelt attribute is an error. Weights count with the
policies \`least-pending\`, \`p2c\`, \`random\`, \`weighted\` and \`hash\`. Where there are some, or SRV records, the policy is
\`weighted\` unless another is named; \`round-robin\` or \`sticky\` together with weights is an error.

| Upstream | Stands for |
| --- | --- |
| \`dns+https://host:port/path\`, \`dns+http://…\`, \`dns+tcp://host:port\` | every address of the name, of both families, each an upstream of its own. The name is kept for \`Host\` and TLS; no proxy is used |
| \`srv+https://_mcp._tcp.example.com/path\`, \`srv+http://…\`, \`srv+tcp://_mcp._tcp.example.com\` | the servers of the name's SRV records (RFC 2782): those of the lowest priority, with the weights of the records. \`Host\` and TLS have the target's name and port |

Names are looked up at the start and every \`--dns-refresh\` seconds, by the system or by \`--dns-server\`. What can't be
looked up any more stays as it was, with a warning. A first lookup that fails is repeated after a second, two, four and so
on. Headers and credentials go to all upstreams at URLs, the targets of SRV records included: who may change those records
says where they go. Looking up takes \`--allow-net\` for the name or the DNS server, connecting takes it for the name and
for each address, and https to an address of a name also for \`127.0.0.1\`, where a way to it is opened for this process
alone.

\`--endpoints-file\` and \`--drain-file\` are read again when they change: when the system says so, which takes
\`--allow-read\` for their directory, and every five seconds. A file of upstreams that can't be read, is wrong or is empty
stops the program at the start; later on the log says what is wrong, and the upstreams from before stay.
\`--drain-file\` may be missing; each of its lines is an upstream as it is written elsewhere or shown in the log, or an
\`address:port\` of one that is looked up.

The options of balancing are an error for one endpoint alone, and their variables mean nothing to it; \`--status-port\`
makes it a pool of one.

## Headers

\`--auth-token T\` sends \`Authorization: Bearer T\`, \`--api-key K\` sends \`X-API-Key: K\`. Values may hold \`\${NAME}\` for an
environment variable; one that is not set is an error, and \`$\${\` stands for a literal \`\${\`. What
\`--auth-token-file\` holds is taken as it is.

A header given in several ways: the command line wins over the environment. On one side, \`--auth-token\`, \`--api-key\` or
\`--user-agent\` and another value for the same header is an error; otherwise \`--header\` wins over \`--headers\`, and that
over \`--header-file\`. A name that is repeated in one of these is sent with all its values.

Names and values are checked (RFC 9110). Headers that the transport sets itself are refused: \`Host\`, \`Accept\`,
\`Content-Type\`, \`Content-Length\`, \`Mcp-Session-Id\`, \`MCP-Protocol-Version\`, \`Mcp-Method\` and the like.

## Proxies

\`HTTP_PROXY\`, \`HTTPS_PROXY\`, \`ALL_PROXY\` and \`NO_PROXY\`, in capitals or small letters, say which proxy leads to a
URL; they hold whether or not Deno shows them. For this machine (\`localhost\`, \`*.localhost\`, \`127.0.0.0/8\`,
\`[::1]\`) no proxy is used, but that takes the permission to see and set them: without it Deno sends such requests
through the proxy, too. Either grant it, with
\`--allow-env=HTTP_PROXY,http_proxy,HTTPS_PROXY,https_proxy,ALL_PROXY,all_proxy,NO_PROXY,no_proxy\`, or set
\`NO_PROXY=localhost,127.0.0.1\` outside.

## Client certificates

For servers that want to know who their client is (mutual TLS), \`--client-cert\` names a PEM file with the certificate
(and, after it, those that lead to its authority), \`--client-key\` one with its private key; it may be the same file. A
key that is encrypted can't be used. The certificate is shown to the endpoint's own origin only: not to another that the
server redirects to. Neither option means anything to an \`http://\` URL, a socket or a command.

## Cookies

Cookies that the endpoint's server sets are kept in memory and sent back, as balancers want it that keep a session on one
server. They go to the very origin that set them (scheme, host and port) and to no other, whatever their \`Domain\` says;
\`Path\`, \`Max-Age\`, \`Expires\` and \`Secure\` hold. At most 20 cookies and 8 KiB are kept, those set last. A
\`Cookie\` header of your own is sent as it is, with those of the server's behind it that have other names. With
\`--no-cookies\` only yours is sent.

## Connecting

\`--timeout\` bounds all of connecting: the connection, and the server's answer to \`initialize\`. \`--connect-timeout\`
bounds the making of the connection alone, within that; what takes longer is the error \`CONNECT_TIMEOUT\`, and nothing has
been sent. There is no such bound unless it is asked for.

- **TCP and Unix sockets**: from the name's lookup until the connection stands.
- **URLs**: the same, and for https the TLS handshake. The HTTP client does not tell when it is connected, so a connection
  of our own is made beforehand, which carries nothing and is closed: before the first request to an origin, after a
  request that failed, and when the origin has not answered for a minute, so that no old connection is left. It is the one
  that is bounded: the client's own, made right after it, has \`--timeout\` alone. No certificate of ours is shown on it.
- **Proxies**: where one leads to the server, or may, there is no such bound. Whether one does is in the environment: where
  Deno does not show its variables (see above), the option has no effect, which the log says.
- **Commands**: starting one either works at once or does not; there is nothing to bound.

## Times and sizes

Seconds may have fractions. \`--max-request-time\` is at least \`--request-timeout\` and follows it if only that is given.
Sizes are bytes or have a unit: \`KB\`, \`MB\`, \`GB\` count in thousands, \`KiB\`, \`MiB\`, \`GiB\` and \`K\`, \`M\`, \`G\` in 1024s;
from 1 KiB to 500 MiB.
`;
