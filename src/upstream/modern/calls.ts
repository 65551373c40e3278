import { errorAnswer, request as newRequest, resultAnswer } from "../../jsonrpc/answers.ts";
import { edit, membersAt, textAt, withId } from "../../jsonrpc/edit.ts";
import { ErrorCode } from "../../jsonrpc/error_codes.ts";
import { type Id, idKey } from "../../jsonrpc/id.ts";
import { Message } from "../../jsonrpc/message.ts";
import { type OpenExchange, openExchange } from "../../link/exchange.ts";
import { type Failure, failure } from "../../link/failure.ts";
import { pause } from "../../link/pause.ts";
import type { Exchange, Outcome, Receive, RequestOptions } from "../../link/peer.ts";
import { legacyCancellation, legacyForm } from "../../mcp/as_legacy.ts";
import { inputRequired, modernAnswer } from "../../mcp/as_modern.ts";
import { type ClientFacts, readEnvelope } from "../../mcp/envelope.ts";
import { inputRequestOf, isInputMethod, obstacleTo } from "../../mcp/input_requests.ts";
import { MODERN_REVISION, ModernErrorCode } from "../../mcp/modern.ts";
import { asObject } from "../../mcp/revision.ts";
import { isRetryOf, readUrlElicitations } from "../../mcp/rounds.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { mcpLevelAtLeast } from "../../mcp/log_levels.ts";
import type { LegacyHost } from "./legacy_host.ts";
import { createSeal } from "./seal.ts";

/** What {@linkcode createCalls} needs. Times in milliseconds. */
export interface CallsOptions {
  /** The endpoint, for logs and errors. */
  readonly endpoint: string;
  readonly logger: Logger;
  /** Takes what the server says to all. */
  readonly announced: (host: LegacyHost, message: Message) => void | Promise<void>;
  /** A call is over. */
  readonly over?: () => void;
  /**
   * How long a call waits for the client to come back with what it was asked for.
   * @default 300_000
   */
  readonly parkedMs?: number;
  /**
   * How long is waited for further questions, so that the client is asked all at once.
   * @default 50
   */
  readonly gatherMs?: number;
  /**
   * Calls that wait so at most; the oldest is given up when there are more.
   * @default 64
   */
  readonly mostParked?: number;
}

/** The calls of modern clients at a legacy server. */
export interface Calls {
  /** Sends a request. */
  send(message: Message, options: RequestOptions, host: LegacyHost): Exchange;
  /** Tells whether a request goes on with one whose questions it answers. */
  isRetry(message: Message): boolean;
  /** Goes on with a call: the client brings what it was asked for. */
  resume(message: Message, options: RequestOptions): Exchange;
  /** Takes what came from the server on no call's own way. */
  receive(host: LegacyHost, message: Message): void | Promise<void>;
  /** Whether calls are under way, or wait for the client, at this host. */
  busy(host: LegacyHost): boolean;
  /** Gives all up. */
  end(): void;
}

/** The methods whose results may ask for input (S/2026-07-28/basic/patterns/mrtr). */
const MAY_ASK: ReadonlySet<string> = new Set(["tools/call", "prompts/get", "resources/read"]);
/** The error with which a legacy server asks for URLs to be opened first (S/2025-11-25/client/elicitation). */
const URL_ELICITATION_REQUIRED = -32042;

const PARKED_MS = 300_000;
const GATHER_MS = 50;
const MOST_PARKED = 64;
/** What arrives for a client that is away is kept, up to so many messages a call. */
const MOST_KEPT = 64;

/** Who waits for a call's answer now. */
interface Asker {
  readonly message: Message;
  readonly exchange: OpenExchange;
  readonly receive: Receive;
  readonly facts: ClientFacts;
  readonly capabilities: Readonly<Record<string, unknown>>;
  /** The JSON text of its progress token. */
  readonly token: string | undefined;
}

/** Something the client is to answer. */
interface Question {
  /** Its name among the call's. */
  readonly name: string;
  /** As the client is asked. */
  readonly text: string;
  /** The server's request; `undefined` when the server has only said what it needs. */
  readonly request: Message | undefined;
  /** The server has not said which call it belongs to: it may be another's. */
  readonly guessed: boolean;
  /** The client has been told of it. */
  told: boolean;
}

interface Call {
  readonly host: LegacyHost;
  /** As the client sent it first. */
  readonly message: Message;
  /** The number it has in what the client hands back. */
  readonly serial: number;
  /** The id it has at the server. */
  id: Id;
  upstream: Exchange | undefined;
  /** `undefined` while the client is away. */
  asker: Asker | undefined;
  readonly questions: Map<string, Question>;
  lastName: number;
  /** How often the client has been asked. */
  rounds: number;
  /** What came of it while the client was away. */
  over: Outcome | undefined;
  /** What came for the client meanwhile. */
  kept: Message[];
  /** Further questions are waited for. */
  gathering: boolean;
  /** Aborts when the client is not waited for any more. */
  parked: AbortController | undefined;
}

/** What is sealed into `requestState`. */
interface State {
  readonly call: number;
  readonly round: number;
}

const isProgress = ({ method }: Message) => method === "notifications/progress";

/** Makes {@linkcode Calls}. */
export function createCalls(options: CallsOptions): Calls {
  const { endpoint, logger, parkedMs = PARKED_MS, gatherMs = GATHER_MS, mostParked = MOST_PARKED } = options;
  const seal = createSeal();
  /** By the id at the server; by what the client hands back. */
  const bySerial = new Map<number, Call>();
  const resumed = new WeakSet<Message>();
  let lastId = 0;
  let lastSerial = 0;
  let ended = false;

  function newAsker(message: Message, exchange: OpenExchange, { receive }: RequestOptions): Asker {
    const facts = readEnvelope(message);
    return {
      message,
      exchange,
      receive: receive ?? (() => {}),
      facts,
      capabilities: asObject(JSON.parse(facts.capabilities)),
      token: textAt(message, ["params", "_meta", "progressToken"]),
    };
  }

  // To the server -------------------------------------------------------------------------------------------------

  function send(message: Message, requestOptions: RequestOptions, host: LegacyHost): Exchange {
    const call: Call = {
      host,
      message,
      serial: ++lastSerial,
      id: "",
      upstream: undefined,
      asker: undefined,
      questions: new Map(),
      lastName: 0,
      rounds: 0,
      over: undefined,
      kept: [],
      gathering: false,
      parked: undefined,
    };
    const exchange = openExchange(
      (notice) => abandon(call, notice),
      () => call.upstream === undefined || call.upstream.held === true,
    );
    call.asker = newAsker(message, exchange, requestOptions);
    bySerial.set(call.serial, call);
    void begin(call);
    return exchange;
  }

  function begin(call: Call): void | Promise<void> {
    const level = wantedLevel(call);
    return level === undefined ? go(call) : setLevel(call.host, level).then(() => go(call));
  }

  function go(call: Call): void {
    if (!bySerial.has(call.serial)) return;
    call.id = String(++lastId);
    const message = legacyForm(call.message, call.id, call.id);
    const upstream = call.host.peer.request(message, { receive: (it) => fromServer(call.host, it, call) });
    call.upstream = upstream;
    upstream.whenOver((outcome) => call.upstream === upstream && over(call, message, outcome));
  }

  /** The client gives the request up that it waits for. */
  function abandon(call: Call, notice: Message | undefined): void {
    if (call.asker === undefined) return;
    forget(call);
    giveUp(call, notice === undefined || call.id === "" ? undefined : legacyCancellation(notice, call.id));
  }

  function giveUp(call: Call, notice: Message | undefined): void {
    leaveQuestions(call, [...call.questions.values()]);
    call.upstream?.cancel(notice);
  }

  /** What the server asks is not put to this call any more; what may be another's is put to another. */
  function leaveQuestions(call: Call, left: readonly Question[]): void {
    for (const { name, request, guessed } of left) {
      call.questions.delete(name);
      if (request === undefined) continue;
      if (guessed && !ended) {
        question(call.host, request, undefined);
      } else {
        const why = "the call was given up";
        void call.host.peer.notify(errorAnswer(request.id!, ErrorCode.InternalError, why));
      }
    }
  }

  function forget(call: Call): void {
    bySerial.delete(call.serial);
    call.parked?.abort();
    call.parked = undefined;
    call.asker = undefined;
    options.over?.();
  }

  // Log levels: of the session there, of a request here ------------------------------------------------------------

  /** The level the server has to be asked for first: it is told only to say more, and what is too much is left out here. */
  function wantedLevel({ host, asker }: Call): string | undefined {
    const text = asker?.facts.logLevel;
    if (text === undefined || host.serverCapabilities.logging === undefined) return undefined;
    const level = String(JSON.parse(text));
    return host.logLevel === undefined || !mcpLevelAtLeast(level, host.logLevel) ? level : undefined;
  }

  async function setLevel(host: LegacyHost, level: string): Promise<void> {
    const ask = newRequest(String(++lastId), "logging/setLevel", { level });
    const outcome = await host.peer.request(ask).outcome;
    if (outcome.kind === "answered" && outcome.message.kind === "result") host.note(ask, outcome.message);
    else logger.debug("the server does not take the log level", { endpoint, level });
  }

  function wantsLog(asker: Asker | undefined, level: string): boolean {
    const text = asker?.facts.logLevel;
    return text !== undefined && mcpLevelAtLeast(level, String(JSON.parse(text)));
  }

  // From the server -----------------------------------------------------------------------------------------------

  function over(call: Call, sent: Message, outcome: Outcome): void {
    const own = answerIn(outcome);
    const asks = own === undefined || !MAY_ASK.has(call.message.method!) ? undefined : urlsAskedFor(own);
    const guessed = keepGuessed(call, outcome);
    if (asks !== undefined) {
      call.upstream = undefined;
      askForUrls(call, asks, own!);
      if (!bySerial.has(call.serial)) leaveQuestions(call, guessed);
      return;
    }
    const shown = own === undefined ? outcome : translated(call, sent, own, outcome);
    if (call.asker === undefined) {
      call.over = shown;
      // The client comes back with the others.
      leaveQuestions(call, guessed.filter(({ told }) => !told));
    } else {
      settle(call, shown);
      leaveQuestions(call, guessed);
    }
  }

  /** The call's own questions are over with it; others are not, unless whoever asks them is gone. */
  function keepGuessed(call: Call, outcome: Outcome): readonly Question[] {
    for (const { name, guessed } of call.questions.values()) {
      if (!guessed || outcome.kind !== "answered") call.questions.delete(name);
    }
    return [...call.questions.values()];
  }

  function settle(call: Call, outcome: Outcome): void {
    const { exchange, message } = call.asker!;
    forget(call);
    exchange.settle(withAnswerId(outcome, message.id!));
  }

  function translated({ host, message }: Call, sent: Message, own: Message, outcome: Outcome): Outcome {
    host.note(sent, own);
    const answer = modernAnswer(message.method!, own, host.serverInfo);
    return outcome.kind === "answered"
      ? { kind: "answered", message: answer }
      : { ...outcome, answer } as Outcome;
  }

  function fromServer(host: LegacyHost, message: Message, call: Call | undefined): void | Promise<void> {
    switch (message.kind === "notification" ? message.method : message.kind) {
      case "request":
        return question(host, message, call);
      case "notifications/progress":
        return progress(host, message, call);
      case "notifications/message":
        return log(host, message, call);
      case "notifications/cancelled":
        return withdraw(host, message);
      case "notifications/tools/list_changed":
      case "notifications/prompts/list_changed":
      case "notifications/resources/list_changed":
      case "notifications/resources/updated":
        return options.announced(host, message);
      case "notifications/elicitation/complete":
      case "notifications/tasks/status":
        return;
      default:
        return call === undefined ? undefined : deliver(call, message);
    }
  }

  function deliver(call: Call, message: Message): void | Promise<void> {
    if (call.asker !== undefined) return tell(call.asker, message);
    if (call.kept.length < MOST_KEPT) call.kept.push(message);
    // Of progress the newest is what counts.
    else if (isProgress(message) && isProgress(call.kept.at(-1)!)) call.kept[MOST_KEPT - 1] = message;
  }

  function tell({ receive, token }: Asker, message: Message): void | Promise<void> {
    if (!isProgress(message)) return receive(message);
    if (token === undefined) return;
    return receive(edit(message, [{ path: ["params", "progressToken"], value: token }]));
  }

  function progress(host: LegacyHost, message: Message, given: Call | undefined): void | Promise<void> {
    const token = textAt(message, ["params", "progressToken"]);
    const call = given?.id === token ? given : callsOf(host).find(({ id }) => id === token);
    if (call !== undefined) return deliver(call, message);
  }

  /** A log message goes with a request that wants such (S/2026-07-28/server/utilities/logging), or not at all. */
  function log(host: LegacyHost, message: Message, given: Call | undefined): void | Promise<void> {
    const level = String(asObject(message.parsed("params")).level);
    const call = given ?? callsOf(host).find(({ asker }) => wantsLog(asker, level));
    if (call !== undefined && wantsLog(call.asker, level)) return call.asker!.receive(message);
  }

  function callsOf(host: LegacyHost): Call[] {
    return [...bySerial.values()].filter((it) => it.host === host);
  }

  // Questions -----------------------------------------------------------------------------------------------------

  function question(host: LegacyHost, message: Message, given: Call | undefined): void {
    if (message.method === "ping") return void host.peer.notify(resultAnswer(message.id!, {}));
    const refuse = (code: number, why: string) => {
      logger.debug(`not asked of the client: ${why}`, { endpoint, method: message.method });
      void host.peer.notify(errorAnswer(message.id!, code, why));
    };
    if (!isInputMethod(message.method!)) {
      return refuse(ErrorCode.MethodNotFound, `Method not found: no client is asked for ${message.method}`);
    }
    const params = asObject(message.parsed("params"));
    const obstacle = (call: Call) => {
      const capabilities = call.asker?.capabilities ??
        asObject(JSON.parse(readEnvelope(call.message).capabilities));
      return obstacleTo({ method: message.method!, params }, capabilities, MODERN_REVISION);
    };
    // A wire that all share does not say on whose behalf the server asks.
    const open = given !== undefined ? [given] : callsOf(host);
    const asking = open.filter((it) => MAY_ASK.has(it.message.method!) && bySerial.has(it.serial));
    if (asking.length === 0) {
      return refuse(
        ErrorCode.MethodNotFound,
        `${message.method} belongs to no request in which this client can be asked`,
      );
    }
    // A call whose client is away has asked already: it is another that asks, if there is one.
    const there = asking.filter(({ asker }) => asker !== undefined);
    const likely = there.length > 0 ? there : asking;
    const able = likely.filter((it) => obstacle(it) === undefined);
    // The oldest that is not asked already, if there is one: so each of several gets its share.
    const call = able.find(({ questions }) => questions.size === 0) ?? able[0];
    if (call === undefined) return refuse(ErrorCode.MethodNotFound, obstacle(likely[0]!)!);
    addQuestion(call, inputRequestOf(message), message, given === undefined);
    gather(call);
  }

  function addQuestion(call: Call, text: string, request: Message | undefined, guessed = false): void {
    const name = `input-${++call.lastName}`;
    call.questions.set(name, { name, text, request, guessed, told: false });
  }

  /** The server takes a question back. */
  function withdraw(host: LegacyHost, message: Message): void {
    const id = textAt(message, ["params", "requestId"]);
    if (id === undefined) return;
    for (const call of callsOf(host)) {
      for (const { name, request } of call.questions.values()) {
        if (request !== undefined && idKey(request.id!) === idKey(id)) call.questions.delete(name);
      }
    }
  }

  async function gather(call: Call): Promise<void> {
    if (call.gathering) return;
    call.gathering = true;
    await pause(gatherMs);
    call.gathering = false;
    if (call.asker !== undefined && call.questions.size > 0) await park(call);
  }

  /** Hands the open questions to the client, which is to come back with what it was asked for. */
  async function park(call: Call): Promise<void> {
    call.rounds++;
    const round: State = { call: call.serial, round: call.rounds };
    const state = JSON.stringify(await seal.close(round));
    if (call.asker === undefined || ended) return;
    // All may have been taken back, or answered by the call's end, meanwhile.
    if (call.questions.size === 0) return;
    const { exchange, message } = call.asker;
    const asked = [...call.questions.values()];
    for (const it of asked) it.told = true;
    call.asker = undefined;
    waitForClient(call);
    exchange.settle({
      kind: "answered",
      message: inputRequired(
        message.id!,
        asked.map(({ name, text }) => [name, text] as const),
        state,
        call.host.serverInfo,
      ),
    });
  }

  function waitForClient(call: Call): void {
    const parked = call.parked = new AbortController();
    void pause(parkedMs, parked.signal).then((expired) => expired && expire(call, "in time"));
    const all = [...bySerial.values()].filter((it) => it.parked !== undefined);
    if (all.length > mostParked) expire(all[0]!, "before too many others waited");
  }

  function expire(call: Call, when: string): void {
    logger.warn(
      `${call.message.method} is given up: the client has not brought ${when} what it was asked for`,
      {
        endpoint,
      },
    );
    const { id } = call;
    forget(call);
    giveUp(call, cancellation(id, "the client has not answered in time"));
  }

  // Rounds --------------------------------------------------------------------------------------------------------

  function isRetry(message: Message): boolean {
    return MAY_ASK.has(message.method!) && !resumed.has(message) &&
      textAt(message, ["params", "requestState"]) !== undefined;
  }

  function resume(message: Message, requestOptions: RequestOptions): Exchange {
    let call: Call | undefined;
    const exchange = openExchange((notice) => call !== undefined && abandon(call, notice));
    void opened().then((state) => {
      if (exchange.settled) return;
      const found = find(state);
      if (typeof found === "string") {
        const why = `Invalid params: ${found}`;
        return exchange.settle({
          kind: "answered",
          message: errorAnswer(message.id!, ErrorCode.InvalidParams, why),
        });
      }
      // What is sent once more after this has begun to go on begins anew.
      resumed.add(message);
      call = found;
      takeUp(call, newAsker(message, exchange, requestOptions));
    });
    return exchange;

    async function opened(): Promise<State | undefined> {
      const given: unknown = JSON.parse(textAt(message, ["params", "requestState"])!);
      return typeof given === "string" ? await seal.open(given) as State | undefined : undefined;
    }

    /** The call it goes on with, or why there is none; taken up in the same turn, so that only one can. */
    function find(state: State | undefined): Call | string {
      if (state === undefined) return "this requestState was not made here, or was changed";
      const it = bySerial.get(state.call);
      if (it === undefined || it.parked === undefined || it.rounds !== state.round) {
        return "this requestState has expired, or was used already";
      }
      if (!isRetryOf(message, it.message)) return "this requestState belongs to another request";
      const responses = textAt(message, ["params", "inputResponses"]);
      if (responses !== undefined && !responses.startsWith("{")) return "inputResponses must be an object";
      const wrong = [...it.questions.values()].find(({ name, told }) => {
        const response = told ? textAt(message, ["params", "inputResponses", name]) : undefined;
        return response !== undefined && !response.startsWith("{");
      });
      return wrong === undefined ? it : `the input response ${wrong.name} must be an object`;
    }
  }

  function takeUp(call: Call, asker: Asker): void {
    call.parked?.abort();
    call.parked = undefined;
    call.asker = asker;
    const kept = call.kept;
    call.kept = [];
    for (const it of kept) void tell(asker, it);
    const responses = new Map(
      membersAt(asker.message, ["params", "inputResponses"]).map((
        [name, text],
      ) => [JSON.parse(name) as string, text]),
    );
    const answered = [...call.questions.values()].filter(({ name, told }) => told && responses.has(name));
    for (const { name, request } of answered) {
      call.questions.delete(name);
      if (request !== undefined) answer(call, request, responses.get(name)!);
    }
    if (call.over !== undefined) {
      settle(call, call.over);
      return leaveQuestions(call, [...call.questions.values()]);
    }
    // What has not been answered is asked again; so is what has come up meanwhile.
    if (call.questions.size > 0) return void park(call);
    if (call.upstream === undefined) {
      const opened = answered.filter(({ request }) => request === undefined);
      sendAgain(call, opened.map(({ name }) => responses.get(name)!));
    }
  }

  function answer({ host }: Call, request: Message, text: string): void {
    const answer = Message.fromText(`{"jsonrpc":"2.0","id":${request.id},"result":${text}}`);
    void host.peer.notify(answer).then((why) => {
      if (why === undefined) return;
      const what = `the client's answer to ${request.method} was not delivered: ${why.message}`;
      logger.warn(what, { code: why.code, endpoint });
    });
  }

  // URLs ----------------------------------------------------------------------------------------------------------

  function urlsAskedFor(own: Message): readonly string[] | undefined {
    if (own.kind !== "error" || Number(textAt(own, ["error", "code"])) !== URL_ELICITATION_REQUIRED) {
      return undefined;
    }
    return readUrlElicitations(own);
  }

  /** The server wants URLs to be opened before it is asked again (S/2025-11-25/client/elicitation). */
  function askForUrls(call: Call, urls: readonly string[], own: Message): void {
    const { asker } = call;
    if (asker === undefined) {
      call.over = { kind: "answered", message: notOpened(call, own) };
      return;
    }
    const able = asObject(asker.capabilities.elicitation).url !== undefined;
    if (!able || urls.length === 0) {
      const answer = able ? notOpened(call, own) : errorAnswer(
        asker.message.id!,
        ModernErrorCode.MissingClientCapability,
        "the server asks the user to open a URL, and the client has not declared that it can show one",
        { requiredCapabilities: { elicitation: { url: {} } } },
      );
      return settle(call, { kind: "answered", message: answer });
    }
    for (const text of urls) addQuestion(call, text, undefined);
    void park(call);
  }

  function sendAgain(call: Call, responses: readonly string[]): void {
    const accepted = responses.every((text) => asObject(JSON.parse(text)).action === "accept");
    if (accepted) return go(call);
    settle(call, { kind: "answered", message: notOpened(call, undefined) });
  }

  /** In a way that the client's model can read. */
  function notOpened({ message }: Call, own: Message | undefined): Message {
    const said = String(asObject(own?.parsed("error")).message ?? "the user did not open it").slice(0, 300);
    const why = `the server asks the user to open a URL first: ${said}`;
    return message.method === "tools/call"
      ? resultAnswer("0", { content: [{ type: "text", text: why }], isError: true, resultType: "complete" })
      : errorAnswer("0", ErrorCode.InternalError, why);
  }

  return {
    send,
    isRetry,
    resume,
    receive: (host, message) => fromServer(host, message, undefined),
    busy: (host) => callsOf(host).length > 0,
    end() {
      ended = true;
      const why: Failure = failure("SHUTTING_DOWN", endpoint, "this program is ending");
      for (const call of [...bySerial.values()]) {
        const { asker, id } = call;
        forget(call);
        giveUp(call, id === "" ? undefined : cancellation(id, why.message));
        asker?.exchange.settle({ kind: "lost", failure: why, lastEventId: undefined });
      }
    },
  };
}

/** What the server answered, whatever came with it. */
function answerIn(outcome: Outcome): Message | undefined {
  if (outcome.kind === "answered") return outcome.message;
  return "answer" in outcome ? outcome.answer : undefined;
}

function withAnswerId(outcome: Outcome, id: Id): Outcome {
  if (outcome.kind === "answered") return { kind: "answered", message: withId(outcome.message, id) };
  if (!("answer" in outcome) || outcome.answer === undefined) return outcome;
  return { ...outcome, answer: withId(outcome.answer, id) };
}

function cancellation(id: Id, reason: string): Message {
  const params = `{"requestId":${id},"reason":${JSON.stringify(reason)}}`;
  return Message.fromText(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":${params}}`);
}
