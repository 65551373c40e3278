import { fromAddresses, fromRecords, preferred, targetOf } from "../balance/sources/look_up.ts";
import { createResolver, type Resolver } from "../balance/sources/resolver.ts";
import type { UpstreamSource } from "../config/balance_settings.ts";
import type { Files } from "../config/files.ts";
import type { ConnectSettings } from "../config/settings.ts";
import { parseUpstreamFile } from "../link/parse_upstream_file.ts";
import type { CommandPlatform } from "../link/split_command_line.ts";
import type { Facts, Place } from "./use.ts";

/** What {@linkcode findPlaces} needs. */
export interface FindPlaces {
  readonly settings: ConnectSettings;
  readonly files: Files;
  readonly platform: CommandPlatform;
  /** Whether names are not to be looked up. */
  readonly offline: boolean;
  readonly signal: AbortSignal;
  /** @default the one that the settings name */
  readonly resolver?: Resolver;
}

type Found = Pick<Facts, "places" | "lookups" | "notFound">;
type Lookup = Exclude<UpstreamSource, { readonly kind: "file" }>;

/** Finds all that is connected to: what the settings name, what a file names, and what names lead to now. */
export async function findPlaces(request: FindPlaces): Promise<Found> {
  const { settings, offline } = request;
  const { balance, fallbacks } = settings;
  const reserve = fallbacks.map(({ endpoint }): Place => ({ endpoint, role: "fallback" }));
  if (balance === undefined) {
    return {
      places: [{ endpoint: settings.endpoint, role: "server" }, ...reserve],
      lookups: [],
      notFound: [],
    };
  }
  const resolver = request.resolver ?? createResolver(balance.dnsServer);
  const places: Place[] = balance.upstreams.map(({ endpoint }) => ({ endpoint, role: "upstream" }));
  const lookups: string[] = [];
  const notFound: { name: string; why: string }[] = [];
  for (const source of lookupsOf(request, places)) {
    const name = nameOf(source);
    lookups.push(name);
    if (source.kind === "addresses") places.push({ endpoint: source.upstream.endpoint, role: "upstream" });
    if (offline) {
      notFound.push({ name, why: "nothing was asked, as --offline wants it" });
      continue;
    }
    try {
      for (const { endpoint, address, foreign } of await lookUp(source, name, request, resolver, lookups)) {
        places.push({
          endpoint,
          role: "upstream",
          ...(address === undefined ? {} : { address }),
          ...(foreign === undefined ? {} : { foreign }),
        });
      }
    } catch (error) {
      notFound.push({ name, why: error instanceof Error ? error.message : String(error) });
    }
  }
  return { places: [...places, ...reserve], lookups: [...new Set(lookups)], notFound };
}

/** The names to look up; the endpoints that a file names go to the places at once. */
function lookupsOf({ settings, files, platform }: FindPlaces, places: Place[]): Lookup[] {
  return settings.balance!.sources.flatMap((source): Lookup[] => {
    if (source.kind !== "file") return [source];
    const found = parseUpstreamFile(files.readText(source.path, "--endpoints-file"), platform);
    // What is wrong with the file was told when the settings were read.
    if ("message" in found) return [];
    return found.flatMap(({ upstream: { lookup, endpoint, weight, drain } }): Lookup[] => {
      const upstream = { endpoint, weight, drain, transport: settings.transport };
      if (lookup !== undefined) return [{ ...lookup, upstream }];
      places.push({ endpoint, role: "upstream" });
      return [];
    });
  });
}

async function lookUp(
  source: Lookup,
  name: string,
  { settings, signal }: FindPlaces,
  resolver: Resolver,
  lookups: string[],
) {
  if (source.kind === "addresses") {
    return fromAddresses(source.upstream, await resolver.addresses(name, signal));
  }
  const records = await resolver.records(name, signal);
  if (settings.balance!.dnsServer === undefined) return fromRecords(source.upstream, records);
  const addresses = new Map<string, readonly string[]>();
  for (const record of preferred(records)) {
    const target = targetOf(record);
    lookups.push(target);
    addresses.set(target, await resolver.addresses(target, signal));
  }
  return fromRecords(source.upstream, records, addresses);
}

function nameOf(source: Lookup): string {
  if (source.kind === "srv") return source.name;
  const { endpoint } = source.upstream;
  return endpoint.kind === "http" ? endpoint.url.hostname : endpoint.kind === "tcp" ? endpoint.hostname : "";
}
