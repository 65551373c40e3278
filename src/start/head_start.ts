import { Message } from "../jsonrpc/message.ts";
import { clientFor, mayConnect, portOf } from "../link/http/deno_client.ts";
import { postHeaders, userHeaders } from "../link/http/headers.ts";
import type { SentAhead } from "../link/http/sent_ahead.ts";
import { asObject } from "../mcp/revision.ts";
import { accountKey, ACCOUNTS } from "../oauth/account_key.ts";
import { DEFAULT_SETTINGS } from "../oauth/settings.ts";
import { peekStore } from "../store/peek_store.ts";
import { verdictKey, VERDICTS } from "../upstream/verdict_key.ts";
import { USER_AGENT } from "../version.ts";
import { catchSignals, type Caught } from "./catch_signals.ts";
import { firstLine } from "./first_line.ts";
import { type Look, lookInto } from "./look_into.ts";
import { noLonger } from "./no_longer.ts";
import { type PlainUse, plainUse } from "./plain_use.ts";

/** What was begun before the program was loaded. */
export interface HeadStart {
  /** Hands it over: from then on nothing is done for the client here. To be called once. */
  handOver(): Begun;
}

/** What whoever goes on with it has to know. */
export interface Begun {
  /** Reads the client's next bytes into a buffer, those first that have been read already; `null` at the end. */
  readonly read: (buffer: Uint8Array) => Promise<number | null>;
  /** Writes some bytes to the client, and says how many. */
  readonly write: (bytes: Uint8Array) => Promise<number>;
  /** The client's `initialize`, which is on its way; `undefined` when it is not. */
  readonly sent: SentAhead | undefined;
  /** The answer to it that the client has been given; `undefined` when it has not. */
  readonly told: Uint8Array | undefined;
  /** Resolves when the client has that; rejects when it takes nothing. `undefined` when nothing is told. */
  readonly telling: Promise<void> | undefined;
  /** What was caught of signals since it left; `undefined` when it did not. */
  readonly caught: Caught | undefined;
}

/** What there is in a response that has not come. Whoever goes on is told why. */
const NOTHING: Pick<Look, "answer"> = { answer: undefined };

/** How long the program waits to be loaded, for the sake of a line, and then of an answer, that may come at once, in ms. */
const PATIENCE_MS = 20;

/**
 * Sends the client's `initialize` on, and gives it the server's answer, before the program that does all the rest is loaded:
 * where the use is so plain that the program, which goes through it all the same afterwards, can't come to anything else.
 * Resolves soon, whatever client and server do.
 *
 * @returns `undefined` where nothing can be begun, and nothing has been read
 */
export async function headStart(args: readonly string[]): Promise<HeadStart | undefined> {
  const use = readUse(args);
  if (use === undefined) return undefined;
  // The client is read while the store is looked at.
  const line = firstLine((buffer) => Deno.stdin.read(buffer));
  let handedOver = false;
  let sent: SentAhead | undefined;
  let told: Uint8Array | undefined;
  let caught: Caught | undefined;
  let telling: Promise<void> | undefined;

  /** What fails is left to the program, which can say why. */
  async function begin(use: PlainUse): Promise<void> {
    const initialize = initializeIn(await line.found);
    if (initialize === undefined || handedOver) return;
    const { response, ...request } = send(use, initialize);
    const looks = response.then((it) => lookInto(it, initialize.id!));
    sent = { ...request, response: () => looks.then((look) => look.whole()) };
    // A client may want the program to end as soon as it is answered.
    caught = catchSignals();
    const { answer } = await looks.catch(() => NOTHING);
    if (answer === undefined || handedOver) return;
    told = answer.bytes;
    await (telling = tell(answer));
  }

  if (isUnknown(use)) {
    const over = begin(use).catch(() => {});
    const late = await Promise.race([line.found.then(() => false), noLonger(PATIENCE_MS)]);
    // Sending takes a slow machine some time, which is none of the server's.
    if (!late) await Promise.race([over, noLonger(PATIENCE_MS)]);
  }
  return {
    handOver() {
      handedOver = true;
      return {
        read: line.read,
        async write(bytes) {
          await telling?.catch(() => {});
          return await Deno.stdout.write(bytes);
        },
        sent,
        told,
        telling,
        caught,
      };
    },
  };
}

/** The use, where Deno allows to look at the environment and to connect. */
function readUse(args: readonly string[]): PlainUse | undefined {
  const { state, partial } = Deno.permissions.querySync({ name: "env" });
  if (state !== "granted" || partial === true) return undefined;
  const use = plainUse(args, variables(), Deno.build.os);
  try {
    return use !== undefined && mayConnect(`${use.url.hostname}:${portOf(use.url)}`) ? use : undefined;
  } catch {
    // Deno does not take all for a host that a URL may have.
    return undefined;
  }
}

/** The environment; on Windows, where names are the same in either case, in upper case. */
function variables(): Record<string, string> {
  const all = Deno.env.toObject();
  if (Deno.build.os !== "windows") return all;
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [name.toUpperCase(), value]));
}

/** Tells whether nothing is stored of a server that matters: no credentials to show, and not that it is of the modern era. */
function isUnknown({ url, headers, store: directory }: PlainUse): boolean {
  if (directory === undefined) return true;
  const own = headers.some(([name]) => name.toLowerCase() === "authorization");
  try {
    const store = peekStore(directory);
    return asObject(store.read(VERDICTS, verdictKey({ kind: "http", url }))).modern !== true &&
      (own || !store.has(ACCOUNTS, accountKey(url, DEFAULT_SETTINGS)));
  } catch {
    // Our own directory may be gone.
    return false;
  }
}

/** The `initialize` that a line is, unless something in it asks for more than a legacy session. */
function initializeIn(line: Uint8Array<ArrayBuffer> | undefined): Message | undefined {
  if (line === undefined) return undefined;
  try {
    const message = Message.parse(line);
    const plain = message.kind === "request" && message.method === "initialize" && !message.hasIoName;
    return plain ? message : undefined;
  } catch {
    return undefined;
  }
}

function send(
  { url, headers: given }: PlainUse,
  initialize: Message,
): Omit<SentAhead, "response"> & { readonly response: Promise<Response> } {
  const client = clientFor(url, { caCerts: [] });
  const abort = new AbortController();
  const headers = {
    ...userHeaders(USER_AGENT, given),
    ...postHeaders(initialize, { id: undefined, revision: undefined }),
  };
  const response = fetch(url.href, {
    method: "POST",
    headers,
    body: initialize.bytes,
    redirect: "manual",
    signal: abort.signal,
    client,
  });
  return { client, url, headers, body: initialize.bytes, response, abort: () => abort.abort() };
}

/** Writes an answer. @throws when the client takes nothing */
async function tell({ bytes }: Message): Promise<void> {
  const line = new Uint8Array(bytes.length + 1);
  line.set(bytes);
  line[bytes.length] = 0x0a;
  for (let from = 0; from < line.length;) from += await Deno.stdout.write(line.subarray(from));
}
