import { notification } from "../jsonrpc/answers.ts";
import { edit, textAt } from "../jsonrpc/edit.ts";
import type { Message } from "../jsonrpc/message.ts";
import { within } from "../link/pause.ts";
import type { Peer } from "../link/peer.ts";
import { SERVER_LISTS } from "../mcp/lists.ts";
import type { Logger } from "../telemetry/logger.ts";
import { capabilityOf } from "../upstream/held_capabilities.ts";
import {
  type Catalogue,
  commonSignature,
  compareCatalogues,
  type Difference,
  hintsDiffer,
  readCatalogue,
  signatureOf,
} from "./catalogue.ts";
import type { Member } from "./member.ts";

/** What {@linkcode createDisagreements} needs. */
export interface DisagreementsOptions {
  readonly members: ReadonlySet<Member>;
  /** Opens what is not open yet. */
  readonly peerOf: (member: Member) => Promise<Peer>;
  readonly newId: () => string;
  /** Takes a notification for the client. */
  readonly tell: (message: Message) => void;
  /** Told of a tool that not all describe alike as to how it may be repeated. */
  readonly dispute: (tool: string) => void;
  readonly logger: Logger;
  /** How long reading a list may take before an upstream is used all the same, in milliseconds. @default 5_000 */
  readonly readMs?: number;
}

/**
 * Where upstreams are not the replicas that they are taken for. What the client is shown is what one of them has said: an
 * upstream that lacks some of it is not asked for that; one that has more, or describes it otherwise, is reported. When most
 * of them say something else than what the client was shown, it is told that the list has changed; and it gets its lists from
 * those that agree with most.
 */
export interface Disagreements {
  /** Those that lack what a request is for, or whose list is not the one to show; `undefined` for none. */
  lacking(message: Message): readonly Member[] | undefined;
  /** Resolves when it is known whether a member lacks what a request is for; `undefined` when it is known. */
  known(member: Member, message: Message): Promise<unknown> | undefined;
  /** Takes note of the capabilities that the client is shown. */
  showCapabilities(capabilities: Readonly<Record<string, unknown>>): void;
  /** Takes note of the capabilities that a member has declared. */
  seen(member: Member, capabilities: Readonly<Record<string, unknown>>): void;
  /** Takes note of an answer that the client is shown. */
  show(member: Member, request: Message, answer: Message): void;
  /** A member's lists may have changed: all, or the one that a notification tells of. */
  changed(member: Member, notice?: string): void;
  /** A member has gone. */
  forget(member: Member): void;
}

/** What is asked for by its name in a list. */
const NAMED: Readonly<Record<string, string>> = { "tools/call": "tools/list", "prompts/get": "prompts/list" };
const READ_MS = 5000;
/** Pages of a list that are read, and bytes of what is remembered of one, at most. */
const MOST_PAGES = 256;
const MOST_BYTES = 16 * 1024 * 1024;
/** Names in a line of the log. */
const NAMES_SHOWN = 5;

/** What the client has been shown of a list. */
interface Shown {
  /** How it was asked for. */
  readonly request: Message;
  readonly by: Member;
  pages: Message[];
  bytes: number;
  /** Known when it was read to its end. */
  catalogue: Catalogue | undefined;
}

function nameIn(message: Message): string | undefined {
  const text = textAt(message, ["params", "name"]);
  const name: unknown = text === undefined ? undefined : JSON.parse(text);
  return typeof name === "string" ? name : undefined;
}

/** Makes {@linkcode Disagreements}. Nothing is read before the client has read a list itself, and an upstream is used. */
export function createDisagreements(options: DisagreementsOptions): Disagreements {
  const { members, logger, readMs = READ_MS } = options;
  /** By the list's method. */
  const shown = new Map<string, Shown>();
  const catalogues = new Map<Member, Map<string, Catalogue>>();
  const reading = new Map<Member, Map<string, Promise<void>>>();
  /** The difference that was reported last, of each member and list. */
  const reported = new Map<Member, Map<string, string>>();
  /** What most say of a list, where they disagree. */
  const common = new Map<string, string>();
  let capabilities: Readonly<Record<string, unknown>> = {};
  /** Some member is known to lack something. */
  let some = false;

  function entry<T>(of: Map<Member, Map<string, T>>, member: Member): Map<string, T> {
    let it = of.get(member);
    if (it === undefined) of.set(member, it = new Map());
    return it;
  }

  /** @param byName a list that does not name it tells that it is not there */
  function lacks(member: Member, message: Message, byName: boolean): boolean {
    const method = message.method!;
    const owner = capabilityOf(method);
    const declared = member.ground?.capabilities;
    if (owner !== undefined && declared !== undefined) {
      if (capabilities[owner] !== undefined && declared[owner] === undefined) return true;
    }
    const list = NAMED[method];
    if (list !== undefined) {
      const catalogue = byName ? catalogues.get(member)?.get(list) : undefined;
      const name = catalogue === undefined ? undefined : nameIn(message);
      return name !== undefined && !catalogue!.has(name);
    }
    const most = common.get(method);
    if (most === undefined || textAt(message, ["params", "cursor"]) !== undefined) return false;
    const catalogue = catalogues.get(member)?.get(method);
    return catalogue !== undefined && signatureOf(catalogue) !== most;
  }

  /** Whether what a request names is known to be in a member's list. */
  function has(member: Member, message: Message): boolean {
    const catalogue = catalogues.get(member)?.get(NAMED[message.method!] ?? "");
    const name = catalogue === undefined ? undefined : nameIn(message);
    return name !== undefined && catalogue!.has(name);
  }

  /** Whether nothing that is not in the list which the client has read is asked for. */
  function isShown(message: Message): boolean {
    const list = NAMED[message.method!];
    const catalogue = list === undefined ? undefined : shown.get(list)?.catalogue;
    if (catalogue === undefined) return true;
    const name = nameIn(message);
    return name === undefined || catalogue.has(name);
  }

  function known(member: Member, message: Message): Promise<unknown> | undefined {
    const list = NAMED[message.method!];
    if (list === undefined || shown.get(list)?.catalogue === undefined) return undefined;
    if (catalogues.get(member)?.has(list)) return undefined;
    return entry(reading, member).get(list) ?? read(member, list);
  }

  /** Reads a member's list, whatever comes of it; one at a time. */
  function read(member: Member, list: string): Promise<void> {
    const under = entry(reading, member);
    const mine = readNow(member, list).then((found) => {
      if (under.get(list) !== mine) return;
      under.delete(list);
      // What can't be had does not keep the member from being used.
      note(member, list, found ?? shown.get(list)?.catalogue ?? new Map());
    });
    under.set(list, mine);
    return mine;
  }

  async function readNow(member: Member, list: string): Promise<Catalogue | undefined> {
    const due = performance.now() + readMs;
    const peer = await options.peerOf(member);
    const pages: Message[] = [];
    let cursor: string | undefined;
    do {
      const asked = edit(shown.get(list)!.request, [
        { path: ["id"], value: options.newId() },
        { path: ["params", "cursor"], value: cursor },
        { path: ["params", "_meta", "progressToken"], value: undefined },
      ]);
      const exchange = peer.request(asked, { background: true, fresh: true });
      if (!await within(exchange.outcome, due - performance.now())) exchange.cancel();
      const outcome = await exchange.outcome;
      if (outcome.kind !== "answered") return undefined;
      // Who does not know the list has nothing in it.
      if (outcome.message.kind !== "result") return new Map();
      pages.push(outcome.message);
      cursor = textAt(outcome.message, ["result", "nextCursor"]);
    } while (cursor !== undefined && cursor !== "null" && pages.length < MOST_PAGES);
    return readCatalogue(list, pages);
  }

  function note(member: Member, list: string, catalogue: Catalogue): void {
    if (!members.has(member)) return;
    entry(catalogues, member).set(list, catalogue);
    const reference = shown.get(list)?.catalogue;
    if (reference !== undefined) {
      report(member, list, compareCatalogues(reference, catalogue));
      if (list === "tools/list") {
        for (const name of reference.keys()) {
          if (catalogue.has(name) && hintsDiffer(name, reference, catalogue)) options.dispute(name);
        }
      }
    }
    judge(list);
  }

  function report(member: Member, list: string, difference: Difference | undefined): void {
    const text = JSON.stringify(difference) ?? "";
    const before = entry(reported, member).get(list) ?? "";
    if (text === before) return;
    entry(reported, member).set(list, text);
    if (difference === undefined) {
      logger.info("an upstream agrees with the others again", { endpoint: member.endpoint, list });
      return;
    }
    some = true;
    const named = (names: readonly string[]) =>
      names.length > NAMES_SHOWN
        ? `${names.slice(0, NAMES_SHOWN).join(", ")} and ${names.length - NAMES_SHOWN} more`
        : names.join(", ");
    logger.warn("an upstream's list is not what the client was shown; what it lacks is asked of others", {
      endpoint: member.endpoint,
      list,
      ...(difference.lacks.length > 0 && { lacks: named(difference.lacks) }),
      ...(difference.more.length > 0 && { more: named(difference.more) }),
      ...(difference.differs.length > 0 && { differs: named(difference.differs) }),
    });
  }

  /** Finds what most say of a list, and tells the client when that is no more what it was shown. */
  function judge(list: string): void {
    const present = [...members].filter((it) => !it.leaving);
    const lists = present.flatMap((member) => catalogues.get(member)?.get(list) ?? []);
    const most = commonSignature(lists);
    if (most === undefined) common.delete(list);
    else common.set(list, most);
    const it = shown.get(list);
    if (it?.catalogue === undefined || lists.length === 0) return;
    const own = signatureOf(it.catalogue);
    const agreeing = lists.filter((other) => signatureOf(other) === own).length;
    if (agreeing * 2 >= lists.length) return;
    shown.delete(list);
    options.tell(notification(SERVER_LISTS[list]!.changed));
  }

  return {
    lacking(message) {
      const wasShown = isShown(message);
      if (!some && common.size === 0 && wasShown) return undefined;
      // What the client was never shown is asked of others only where one is known to have it.
      const byName = wasShown || [...members].some((member) => has(member, message));
      const found = [...members].filter((member) => lacks(member, message, byName));
      // Where all lack it, the server is to say so.
      return found.length === 0 || found.length === members.size ? undefined : found;
    },
    known,
    showCapabilities(those) {
      capabilities = those;
    },
    seen(member, those) {
      const missing = Object.keys(capabilities).filter((name) => those[name] === undefined);
      if (missing.length === 0) return;
      some = true;
      logger.warn("an upstream lacks what the client was shown; that is asked of others", {
        endpoint: member.endpoint,
        capabilities: missing.join(", "),
      });
    },
    show(member, request, answer) {
      const list = request.method!;
      if (!Object.hasOwn(SERVER_LISTS, list)) return;
      const first = textAt(request, ["params", "cursor"]) === undefined;
      let it = shown.get(list);
      if (first) shown.set(list, it = { request, by: member, pages: [], bytes: 0, catalogue: undefined });
      if (it === undefined || it.by !== member || it.catalogue !== undefined) return;
      it.pages.push(answer);
      it.bytes += answer.bytes.length;
      if (it.pages.length > MOST_PAGES || it.bytes > MOST_BYTES) return void shown.delete(list);
      const cursor = textAt(answer, ["result", "nextCursor"]);
      if (cursor !== undefined && cursor !== "null") return;
      it.catalogue = readCatalogue(list, it.pages);
      it.pages = [];
      note(member, list, it.catalogue);
      // Behind whoever else takes note of the list, and forgets what was said of it before.
      queueMicrotask(() => {
        for (const other of members) {
          const catalogue = other === member ? undefined : catalogues.get(other)?.get(list);
          if (catalogue !== undefined) note(other, list, catalogue);
        }
      });
    },
    changed(member, notice) {
      const those = catalogues.get(member);
      if (those === undefined) return;
      for (const list of [...those.keys()]) {
        if (notice !== undefined && SERVER_LISTS[list]!.changed !== notice) continue;
        those.delete(list);
        if (shown.has(list) && members.size > 1) void read(member, list);
      }
    },
    forget(member) {
      catalogues.delete(member);
      reading.delete(member);
      reported.delete(member);
      for (const list of [...common.keys()]) judge(list);
    },
  };
}
