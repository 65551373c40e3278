import type { Endpoint } from "../link/endpoint.ts";
import { EndpointError } from "../link/endpoint_error.ts";
import { type ParsedUpstream, parseUpstream } from "../link/parse_upstream.ts";
import { parseUpstreamFile, upstreamKey } from "../link/parse_upstream_file.ts";
import type { CommandPlatform } from "../link/split_command_line.ts";
import { transportMisfit } from "../link/transport_misfit.ts";
import {
  type BalanceSettings,
  POLICY_NAMES,
  type PolicyName,
  type UpstreamSettings,
  type UpstreamSource,
} from "./balance_settings.ts";
import { ConfigError } from "./config_error.ts";
import type { Files } from "./files.ts";
import { type NamedUpstreams, namedUpstreams } from "./named_upstreams.ts";
import { parseSeconds, parseWhole } from "./numbers.ts";
import { oneOf, type OptionValue, type OptionValues } from "./option_values.ts";
import type { OptionName } from "./options.ts";
import { type EndpointInput, vectorEndpoint } from "./resolve_endpoint.ts";
import type { TransportChoice } from "./settings.ts";

/** What the options say of several upstreams. */
export interface ResolvedBalance {
  /** The first upstream's endpoint: it stands for all where one is named. */
  readonly endpoint: Endpoint;
  /** At least one of them is a URL. */
  readonly http: boolean;
  readonly balance: BalanceSettings;
}

/** Resolves the upstreams; {@linkcode resolveBalance} is one, loaded only where there are several. */
export type ResolveBalance = typeof resolveBalance;

/** Those that don't look at weights. */
const WEIGHTLESS: readonly PolicyName[] = ["round-robin", "sticky"];
/**
 * Reads the upstreams and how load is spread over them: bare arguments, `--endpoint`, `--endpoints`, the command after
 * `--` and what `--endpoints-file` holds, in this order.
 *
 * @param transport that of all of them, and how it was given
 * @throws {ConfigError} naming the entry or line that is wrong
 */
export function resolveBalance(
  values: OptionValues,
  input: EndpointInput,
  transport: { readonly value: TransportChoice; readonly where: string },
  files: Files,
): ResolvedBalance {
  const settings = { ...times(values), ...places(values) };
  const named = namedUpstreams(values, input);
  const misfit = ({ endpoint }: ParsedUpstream) => {
    const why = transportMisfit(transport.value, endpoint);
    return why === undefined ? undefined : `${transport.where} ${transport.value} ${why}`;
  };
  const entries = [...namedEntries(named, input.platform)];
  for (const { upstream, where } of entries) {
    const wrong = misfit(upstream);
    if (wrong !== undefined) throw new ConfigError(`${where}: ${wrong}`);
  }
  const all = [...entries, ...fileEntries(named.file, input.platform, misfit, files)];
  refuseDuplicates(all);
  const [first] = all;
  if (first === undefined) {
    throw new ConfigError(
      "no upstream given; name them as arguments, with --endpoints A,B or --endpoints-file, or a command after --",
    );
  }
  const upstreams = entries.filter((it) => it.upstream.lookup === undefined).map((it) =>
    toSettings(it.upstream, transport.value)
  );
  const sources = entries.flatMap(({ upstream }): UpstreamSource[] => {
    const { lookup } = upstream;
    return lookup === undefined ? [] : [{ ...lookup, upstream: toSettings(upstream, transport.value) }];
  });
  return {
    endpoint: first.upstream.endpoint,
    http: all.some(({ upstream }) => upstream.endpoint.kind === "http"),
    balance: {
      upstreams,
      sources: named.file === undefined ? sources : [...sources, { kind: "file", path: named.file.value }],
      policy: resolvePolicy(values, all),
      affinity: oneOf(values.required("affinity"), ["none", "session", "resource"]),
      ...settings,
    },
  };
}

/** An upstream and how to name it in an error. */
interface Entry {
  readonly upstream: ParsedUpstream;
  readonly where: string;
}

function* namedEntries(named: NamedUpstreams, platform: CommandPlatform): Generator<Entry> {
  const { bare, endpoint, endpoints, vector } = named;
  for (const [index, text] of bare.entries()) {
    yield parseEntry(text, bare.length === 1 ? undefined : `argument ${index + 1}`, platform);
  }
  for (const [index, text] of endpoint.value.entries()) {
    const { where, value } = endpoint;
    yield parseEntry(text, value.length === 1 ? where : `${where}: entry ${index + 1}`, platform);
  }
  const parts = endpoints.value.flatMap((text) => text.split(",")).map((part) => part.trim());
  for (const [index, text] of parts.entries()) {
    const where = `${endpoints.where}: entry ${index + 1}`;
    if (text === "") throw new ConfigError(`${where} is empty`);
    yield parseEntry(text, where, platform);
  }
  if (vector !== undefined) {
    const upstream = { endpoint: vectorEndpoint(vector), weight: 1, drain: false };
    yield { upstream, where: "the command after --" };
  }
}

function parseEntry(text: string, where: string | undefined, platform: CommandPlatform): Entry {
  try {
    return { upstream: parseUpstream(text, platform), where: where ?? "the argument" };
  } catch (error) {
    if (!(error instanceof EndpointError)) throw error;
    throw new ConfigError(where === undefined ? error.message : `${where}: ${error.message}`, {
      cause: error,
    });
  }
}

function fileEntries(
  file: OptionValue<string> | undefined,
  platform: CommandPlatform,
  misfit: (upstream: ParsedUpstream) => string | undefined,
  files: Files,
): Entry[] {
  if (file === undefined) return [];
  const where = `${file.where} ${file.value}`;
  const found = parseUpstreamFile(files.readText(file.value, file.where), platform, misfit);
  if ("message" in found) throw new ConfigError(`${where} line ${found.line}: ${found.message}`);
  if (found.length === 0) throw new ConfigError(`${where} names no upstream`);
  return found.map(({ upstream, line }) => ({ upstream, where: `${where} line ${line}` }));
}

function refuseDuplicates(entries: readonly Entry[]): void {
  const seen = new Map<string, string>();
  for (const { upstream, where } of entries) {
    const key = upstreamKey(upstream);
    const before = seen.get(key);
    if (before !== undefined) {
      throw new ConfigError(`${where} names the same upstream as ${before}; to give it more, use ;weight=N`);
    }
    seen.set(key, where);
  }
}

function toSettings(
  { endpoint, weight, drain }: ParsedUpstream,
  transport: TransportChoice,
): UpstreamSettings {
  return { endpoint, transport, weight, drain };
}

/** Weights ask for a policy that looks at them; so do SRV records, which have some. */
function resolvePolicy(values: OptionValues, entries: readonly Entry[]): PolicyName {
  const option = values.required("policy");
  const policy = oneOf(option, POLICY_NAMES);
  const weighted = entries.find(({ upstream }) => upstream.weight !== 1);
  if (option.level === 0) {
    return weighted !== undefined || entries.some(({ upstream }) => upstream.lookup?.kind === "srv")
      ? "weighted"
      : policy;
  }
  if (weighted !== undefined && WEIGHTLESS.includes(policy)) {
    const others = POLICY_NAMES.filter((it) => !WEIGHTLESS.includes(it)).join(", ");
    throw new ConfigError(
      `${weighted.where} has a weight, which ${option.where} ${policy} does not look at; these do: ${others}`,
    );
  }
  return policy;
}

function times(values: OptionValues) {
  const seconds = (name: OptionName, zero = false) => {
    const { value, where } = values.required(name);
    return parseSeconds(value, where, zero);
  };
  const checkIntervalMs = seconds("health-interval", true);
  const hedge = values.text("hedge-after");
  const ejected = values.required("max-ejected");
  return {
    ...(checkIntervalMs === 0 ? {} : { checkIntervalMs }),
    checkTimeoutMs: seconds("health-timeout"),
    ...(hedge === undefined
      ? {}
      : { hedgeAfterMs: parseWhole(hedge.value, hedge.where, 1, 86_400_000, " of milliseconds") }),
    slowStartMs: seconds("slow-start", true),
    maxEjectedPercent: parseWhole(ejected.value, ejected.where, 0, 99, " of percent"),
    dnsRefreshMs: seconds("dns-refresh"),
  };
}

function places(values: OptionValues): Pick<BalanceSettings, "drainFile" | "dnsServer" | "status"> {
  const drainFile = values.text("drain-file");
  const server = values.text("dns-server");
  const status = values.text("status-port");
  return {
    ...(drainFile === undefined ? {} : { drainFile: drainFile.value }),
    ...(server === undefined ? {} : { dnsServer: dnsServer(server) }),
    ...(status === undefined ? {} : { status: statusAddress(status) }),
  };
}

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;
const HOST = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?$/;

/** Whether this is an IPv6 address, without brackets. The URL parser knows the grammar (RFC 4291 section 2.2). */
function isIpv6(text: string): boolean {
  return /^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$/.test(text) && URL.canParse(`http://[${text}]/`);
}

function dnsServer({ value, where }: OptionValue<string>): NonNullable<BalanceSettings["dnsServer"]> {
  const text = value.trim();
  const [, v6, v4, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const ipAddr = isIpv6(text) ? text : v6 !== undefined && isIpv6(v6) ? v6 : v4;
  const number = Number(port ?? 53);
  if (ipAddr === undefined || !(isIpv6(ipAddr) || IPV4.test(ipAddr)) || number < 1 || number > 65_535) {
    throw new ConfigError(`${where} takes an address and a port, such as 10.0.0.2:53 or [::1]:53`);
  }
  return { ipAddr, port: isIpv6(text) ? 53 : number };
}

function statusAddress({ value, where }: OptionValue<string>): NonNullable<BalanceSettings["status"]> {
  const match = /^(?:(?:\[([^\]]*)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(value.trim());
  const [, v6, host, port] = match ?? [];
  const hostname = v6 ?? host ?? "127.0.0.1";
  if (
    match === null || Number(port) > 65_535 || (v6 === undefined ? !HOST.test(hostname) : !isIpv6(hostname))
  ) {
    throw new ConfigError(
      `${where} takes a port from 0 to 65535, or a host and one, such as 9090, 0.0.0.0:9090 or [::1]:9090`,
    );
  }
  return { hostname, port: Number(port) };
}
