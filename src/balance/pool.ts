import { errorAnswer } from "../jsonrpc/answers.ts";
import { edit, textAt, withId } from "../jsonrpc/edit.ts";
import { ErrorCode } from "../jsonrpc/error_codes.ts";
import { textFinder } from "../jsonrpc/includes.ts";
import type { Message } from "../jsonrpc/message.ts";
import { openExchange, settledExchange } from "../link/exchange.ts";
import { type Failure, failure } from "../link/failure.ts";
import { pause, within } from "../link/pause.ts";
import type { Exchange, Outcome, Peer, PeerListener, RequestOptions } from "../link/peer.ts";
import { createTasks } from "../link/tasks.ts";
import { readInitializeResult } from "../mcp/revision.ts";
import type { ToolHints } from "../mcp/safety.ts";
import type { BalanceSettings, UpstreamSettings } from "../config/balance_settings.ts";
import type { Logger } from "../telemetry/logger.ts";
import { createBelongings, isOwnState, type Owner } from "./belongings.ts";
import { createChecks } from "./checks.ts";
import type { Evidence } from "./evidence.ts";
import { type Choice, createFlights } from "./flights.ts";
import { createHealthKeeper, stateOf } from "./health_keeper.ts";
import { cumulativeHistogram, recentLatency } from "./health/latency_histogram.ts";
import { createDisagreements } from "./disagreements.ts";
import { isStuck } from "./is_stuck.ts";
import { createListening } from "./listening.ts";
import { createMember, type Ground, type Member } from "./member.ts";
import { createMembers } from "./members.ts";
import { createMerging, isChange } from "./merging.ts";
import { createChooser } from "./policies/choose.ts";
import { hashText } from "./policies/hash_text.ts";
import { createQuestions } from "./questions.ts";
import { type Bond, bondOf, isForAll, isList, keyOf, resourceOf } from "./route.ts";
import type { PoolSnapshot } from "./snapshot.ts";
import { describeUpstream, upstreamId } from "./sources/describe_upstream.ts";
import { isDrained } from "./sources/drain_file.ts";
import { clientTaskIn, renameTasksIn, renameTasksInAnswer } from "./task_names.ts";

/** What a {@linkcode balancedPool} needs. Times in milliseconds. */
export interface PoolOptions extends
  Pick<
    BalanceSettings,
    | "policy"
    | "affinity"
    | "checkIntervalMs"
    | "checkTimeoutMs"
    | "hedgeAfterMs"
    | "slowStartMs"
    | "maxEjectedPercent"
  > {
  /** Those it begins with. */
  readonly upstreams: readonly UpstreamSettings[];
  /**
   * Makes the Peer of one, which establishes the client's session by itself when it is first asked for something.
   *
   * @param replayed to be called when it has done that, with what the server has declared
   */
  readonly open: (
    upstream: UpstreamSettings,
    replayed: (capabilities: Readonly<Record<string, unknown>>) => void,
  ) => Promise<Peer>;
  /** Resolves when it is known which there are; absent: they are. */
  readonly ready?: Promise<unknown>;
  /** What the tool that is called says of itself. */
  readonly hintsFor: (call: Message) => ToolHints | undefined;
  /** Makes that count as unknown for one tool. */
  readonly dispute: (tool: string) => void;
  readonly logger: Logger;
  /** From 0 to 1. @default Math.random */
  readonly random?: () => number;
}

/** A Peer over several that look like one server. */
export interface BalancedPool extends Peer {
  /** What its upstreams are doing. */
  snapshot(): PoolSnapshot;
  /** Puts other upstreams in place of those that were named: what is new comes in, what is gone answers and goes. */
  setUpstreams(upstreams: readonly UpstreamSettings[]): void;
  /** Names those that take nothing new, as a file or a signal wants it (see {@linkcode isDrained}). */
  setDraining(by: "file" | "signal", names: ReadonlySet<string>): void;
  /** The upstreams in their order, and those of them that a signal has drained. */
  drains(): { readonly ids: readonly string[]; readonly drained: ReadonlySet<string> };
}

/** How often the pool looks at the clock. */
const TICK_MS = 200;
/** How long a member that has left the list is kept for what was minted there. */
const BOUND_MS = 30_000;
/** How long one may take to learn what others have been told. */
const TELL_MS = 10_000;
/** How long members that have left may take to close. */
const CLOSE_MS = 5000;
/** So many that are stuck are passed over in one choice at most. */
const MOST_PASSED = 8;

const STATE_MADE = ["result", "requestState"];
const holdsState = textFinder('"requestState"');
const holdsInputRequest = textFinder('"input_required"');

/**
 * A Peer over several that are taken for replicas of one server. Each request goes to one of them; what belongs together goes
 * together, what all must know all are told, and what several say of one change is said once. Each gets the client's session
 * when it is first used. A request that an upstream does not answer goes to another if it did not run or does no harm twice.
 */
export function balancedPool(options: PoolOptions): BalancedPool {
  const { logger, random = Math.random } = options;
  const startedAt = Date.now();
  const closing = new AbortController();
  const members = createMembers();
  const belongings = createBelongings();
  const merging = createMerging();
  const questions = createQuestions();
  const chooser = createChooser(options.policy, random);
  const byResource = createChooser("hash", random);
  /** The client stays where it is until that fails: neither is it moved for being slow there, nor are its requests. */
  const stays = options.affinity === "session" || options.policy === "sticky";
  /** What is open, by serial number. */
  const grounds = new Map<number, { readonly ground: Ground; readonly member: Member }>();
  const closed = createTasks();
  const mark = crypto.randomUUID().slice(0, 8);
  let lastId = 0;
  let lastMember = -1;
  let lastGround = -1;
  let listener: PeerListener | undefined;
  let running = false;
  /** Who has answered the client's `initialize`. */
  let leader: { readonly ground: Ground; readonly member: Member } | undefined;
  /** Where the client's requests go that are to stay together. */
  let present: Member | undefined;
  /** Where one of those goes that must not go there, and where they go when that fails. */
  let standIn: Member | undefined;
  const drained = {
    file: new Set<string>() as ReadonlySet<string>,
    signal: new Set<string>() as ReadonlySet<string>,
  };
  /** Requests wait until it is known which upstreams there are. */
  let unknown: Promise<unknown> | undefined = options.ready?.then(() => unknown = undefined);
  /** Who is told first what all are to know: so they learn it in the order in which the client has said it. */
  let speaker: Member | undefined;
  /** Handshakes of the client's that have no answer yet. */
  let greetings = 0;

  const newId = () => `"mcp-connect-pool-${mark}-${++lastId}"`;
  const name = () => [...members.all].map(({ endpoint }) => endpoint).join(", ").slice(0, 300);

  const health = createHealthKeeper({
    members,
    slowStartMs: options.slowStartMs,
    maxEjectedPercent: stays ? 0 : options.maxEjectedPercent,
    down: wentDown,
    back: (member) => listening.joined(member),
    logger,
    random,
  });
  const checks = options.checkIntervalMs === undefined ? undefined : createChecks({
    intervalMs: options.checkIntervalMs,
    timeoutMs: options.checkTimeoutMs,
    health,
    peerOf: (member) => groundOf(member).opening,
    newId,
    logger,
    random,
  });
  const flights = createFlights({
    members,
    health,
    choose,
    groundOf,
    fromServer,
    withdraw: (ids, why) => tellClient(questions.withdraw(ids, why)),
    shown,
    left: (ground, member) => {
      if (ground.retired) finish(ground, member);
    },
    hintsFor: options.hintsFor,
    known: disagreementsKnown,
    lacks: (member, message) => disagreements.lacking(message)?.includes(member) === true,
    ...(options.hedgeAfterMs === undefined ? {} : { hedgeAfterMs: options.hedgeAfterMs }),
    resting: restingFor,
    suspect,
    name,
  });
  const listening = createListening({
    members: members.all,
    peerOf: (member) => groundOf(member).opening,
    isNews: merging.isNews,
    receive: (message) => listener?.receive(message),
    newId,
    logger,
  });

  const disagreements = createDisagreements({
    members: members.all,
    peerOf: (member) => groundOf(member).opening,
    newId,
    tell: (message) => void listener?.receive(message),
    dispute: options.dispute,
    logger,
  });

  setUpstreams(options.upstreams);

  // What is open --------------------------------------------------------------------------------------------------

  function groundOf(member: Member): Ground {
    return member.ground ??= openGround(member);
  }

  function openGround(member: Member): Ground {
    const opening = options.open(member.settings, (capabilities) => {
      const again = ground.capabilities !== undefined;
      ground.capabilities = capabilities;
      member.heardAt = performance.now();
      disagreements.seen(member, capabilities);
      // It may be another release of the server.
      if (again) disagreements.changed(member);
      // Whoever establishes the session anew answers: no trial need be waited for.
      if (!ground.retired && member.circuit.kind !== "closed") health.note(member, { kind: "alive" }, true);
    });
    const ground: Ground = {
      serial: ++lastGround,
      opening: opening.then((peer) => {
        peer.listen({
          receive(message) {
            member.heardAt = performance.now();
            const own = listening.receiverOf(member, message);
            if (own !== undefined) return own(message);
            const taker = flights.takerOf(ground, member, message);
            if (taker !== undefined) return taker(message);
            // What one that serves no more says unasked is of no interest; what it asks is answered.
            if (ground.retired && message.kind !== "request") return;
            const meant = fromServer(ground, member, message);
            return meant === undefined ? undefined : listener?.receive(meant);
          },
          closed: (why) => wireEnded(ground, member, why),
        });
        if (closing.signal.aborted) void peer.close();
        return ground.peer = peer;
      }),
      peer: undefined,
      capabilities: undefined,
      retired: false,
      inFlight: 0,
      telling: Promise.resolve(),
      untold: 0,
    };
    grounds.set(ground.serial, { ground, member });
    run();
    return ground;
  }

  /** Nothing new is asked of what is open to a member; it is closed once it has answered. */
  function retire(member: Member): void {
    const { ground } = member;
    if (ground === undefined) return;
    ground.retired = true;
    member.ground = undefined;
    belongings.forget(member.serial);
    disagreements.forget(member);
    listening.left(member);
    finish(ground, member);
  }

  function finish(ground: Ground, member: Member): void {
    if (ground.inFlight > 0 || !grounds.delete(ground.serial)) return;
    endQuestions(ground, `${member.endpoint} is not there any more`);
    void closed.run(ground.opening.then((peer) => peer.close(), () => {}));
  }

  function endQuestions(ground: Ground, why: string): void {
    tellClient(questions.ended(ground.serial, why));
  }

  function tellClient(cancellations: readonly Message[]): void {
    for (const it of cancellations) void listener?.receive(it);
  }

  function wireEnded(ground: Ground, member: Member, why: Failure): void {
    endQuestions(ground, why.message);
    if (ground.retired || why.code === "SESSION_LOST") return;
    logger.info("the connection to an upstream has ended", { endpoint: member.endpoint, why: why.message });
    if (member.legs.size === 0) health.note(member, { kind: "failure", why: why.message }, false);
  }

  /** Its clients give up what was asked of it. A check tells more; where there are none, that has to do. */
  function suspect(member: Member, trial: boolean): void {
    if (checks !== undefined) return checks.suspect(member);
    const why = "requests are given up that it has been silent about";
    health.note(member, { kind: "failure", why, late: true }, trial);
  }

  function wentDown(member: Member, evidence: Evidence): void {
    const left = members.view.availableCount;
    if (left === 0) logger.error("no upstream takes requests", { upstreams: members.all.size });
    moveFrom(member);
    // It may only be busy: what can't go elsewhere waits for it.
    const silent = evidence.kind === "silent" || (evidence.kind === "failure" && evidence.late === true);
    if (!silent || left === 0) return;
    for (const leg of [...member.legs]) if (leg.mayMove()) leg.giveUp();
  }

  function disagreementsKnown(member: Member, message: Message): Promise<unknown> | undefined {
    return members.all.size > 1 ? disagreements.known(member, message) : undefined;
  }

  // Choosing ------------------------------------------------------------------------------------------------------

  function choose(message: Message, tried: ReadonlySet<Member>, safe: () => boolean): Choice | undefined {
    const excluded = excludedFor(message, tried);
    if (isForAll(message.method!)) {
      speaker = speakerAmong(excluded);
      if (speaker !== undefined) return { member: speaker, trial: false };
    }
    // A client that stays is not sent elsewhere for a trial, unless there is nothing else.
    const tries = () => checks === undefined ? trialFor(tried, safe) : undefined;
    const trial = stays ? undefined : tries();
    if (trial !== undefined) return trial;
    const index = chosenIndex(message, excluded);
    const member = index < 0 ? undefined : members.byIndex[index];
    if (member === undefined) return lastResort(tried, excluded) ?? tries();
    return { member: spreads(message) ? insteadOfStuck(member, excluded) : member, trial: false };
  }

  /** It is all the same where it goes. */
  function spreads(message: Message): boolean {
    if (stays || options.policy === "hash") return false;
    return options.affinity !== "resource" || resourceOf(message) === undefined;
  }

  /** The one that is chosen, or another when it is stuck; all being stuck, the one that is chosen. */
  function insteadOfStuck(chosen: Member, excluded: ReadonlySet<number> | undefined): Member {
    if (!hangs(chosen)) return chosen;
    const passed = new Set(excluded).add(chosen.index);
    for (let i = 0; i < MOST_PASSED; i++) {
      const member = members.byIndex[chooser(members.view, 0, passed)];
      if (member === undefined) break;
      if (!hangs(member)) return member;
      passed.add(member.index);
    }
    return chosen;
  }

  function hangs(member: Member): boolean {
    const { heardAt, waitsSince, dueAt, sentAt, legs, index } = member;
    if (waitsSince <= heardAt) return false;
    const fairShare = () => fairShareOf(index);
    return isStuck({
      now: performance.now(),
      heardAt,
      waitsSince,
      dueAt,
      sentAt,
      pending: legs.size,
      fairShare,
    });
  }

  /** How much of all that is pending one would have by its weight. */
  function fairShareOf(index: number): number {
    const { pending, available, availableCount, weights, shares } = members.view;
    const usesWeights = options.policy !== "round-robin";
    const capacityOf = (index: number) => (usesWeights ? weights[index]! : 1) * shares[index]!;
    let all = 0;
    let capacity = 0;
    for (let i = 0; i < availableCount; i++) {
      all += pending[available[i]!]!;
      capacity += capacityOf(available[i]!);
    }
    return all * capacityOf(index) / capacity;
  }

  function speakerAmong(excluded: ReadonlySet<number> | undefined): Member | undefined {
    const fit = (it: Member) => members.view.isAvailable[it.index] === 1 && excluded?.has(it.index) !== true;
    if (speaker !== undefined && fit(speaker)) return speaker;
    if (leader !== undefined && fit(leader.member) && !isBehind(leader.member)) return leader.member;
    const others = [...members.all].filter(fit);
    return others.find((it) => !isBehind(it)) ?? others[0];
  }

  /** What others were told is still on its way to it. */
  function isBehind({ ground }: Member): boolean {
    return ground !== undefined && ground.untold > 0;
  }

  function chosenIndex(message: Message, excluded: ReadonlySet<number> | undefined): number {
    if (options.affinity === "session") return stayingIndex(excluded);
    if (options.affinity === "resource") {
      const resource = resourceOf(message);
      if (resource !== undefined) return byResource(members.view, hashText(resource), excluded);
    }
    return chooser(members.view, options.policy === "hash" ? keyOf(message) : 0, excluded);
  }

  /** A hedge, or what one request has met, does not move the client. */
  function stayingIndex(excluded: ReadonlySet<number> | undefined): number {
    const { view } = members;
    const isAvailable = (member: Member) => view.isAvailable[member.index] === 1;
    const isFit = (member: Member | undefined): member is Member =>
      member !== undefined && isAvailable(member) && excluded?.has(member.index) !== true;
    if (standIn !== undefined && !isAvailable(standIn)) moveFrom(standIn);
    if (present !== undefined && !isAvailable(present)) moveFrom(present);
    if (isFit(present)) return present.index;
    if (present !== undefined && isFit(standIn)) return standIn.index;
    const index = chooser(view, 0, excluded);
    if (present === undefined) present = members.byIndex[index];
    else standIn = members.byIndex[index];
    return index;
  }

  /** The client's requests stay there no more. */
  function moveFrom(member: Member): void {
    if (standIn === member) standIn = undefined;
    if (present !== member) return;
    present = standIn;
    standIn = undefined;
  }

  /** Those that have been tried, and those that lack what the request is for. */
  function excludedFor(message: Message, tried: ReadonlySet<Member>): ReadonlySet<number> | undefined {
    const lacking = disagreements.lacking(message);
    if (tried.size === 0 && lacking === undefined) return undefined;
    return new Set([...tried, ...lacking ?? []].map(({ index }) => index));
  }

  /** Without checks it is a request that shows whether an upstream is back. */
  function trialFor(tried: ReadonlySet<Member>, safe: () => boolean): Choice | undefined {
    if (members.view.availableCount === members.all.size) return undefined;
    const now = performance.now();
    for (const member of members.all) {
      if (member.draining || member.leaving || tried.has(member)) continue;
      if (health.admitsTrial(member, now) && safe()) return { member, trial: true };
    }
    return undefined;
  }

  /** When none may be chosen: who is left out for being slow, and who may be back although it was down a moment ago. */
  function lastResort(
    tried: ReadonlySet<Member>,
    excluded: ReadonlySet<number> | undefined,
  ): Choice | undefined {
    const now = performance.now();
    const left = [...members.all].filter((member) =>
      !tried.has(member) && excluded?.has(member.index) !== true && !member.draining && !member.leaving &&
      member.restingUntil <= now && (member.circuit.kind === "closed" || member.failsFast)
    );
    const isDown = (member: Member) => member.circuit.kind === "closed" ? 0 : 1;
    left.sort((a, b) => isDown(a) - isDown(b) || a.stateSince - b.stateSince);
    const [member] = left;
    return member === undefined ? undefined : { member, trial: member.circuit.kind !== "closed" };
  }

  // From the client -----------------------------------------------------------------------------------------------

  function request(message: Message, requestOptions: RequestOptions = {}): Exchange {
    return unknown === undefined
      ? requestNow(message, requestOptions)
      : requestLater(message, requestOptions);
  }

  function requestLater(message: Message, requestOptions: RequestOptions): Exchange {
    let sent: Exchange | undefined;
    const exchange = openExchange((notice) => sent?.cancel(notice), () => sent?.held ?? sent === undefined);
    void unknown?.then(() => {
      if (exchange.settled) return;
      sent = requestNow(message, requestOptions);
      sent.whenOver(exchange.settle);
    });
    return exchange;
  }

  function requestNow(message: Message, requestOptions: RequestOptions): Exchange {
    if (closing.signal.aborted) return settledExchange({ kind: "not_sent", failure: endFailure() });
    const method = message.method!;
    if (method === "subscriptions/listen") return listening.carry(message, requestOptions);
    if (method === "initialize") beginSession();
    const bond = bondOf(message);
    if (bond !== undefined) return requestOfOwner(bond, message, requestOptions);
    const resting = restingFor();
    if (resting !== undefined) return settledExchange(resting);
    const exchange = flights.carry(message, requestOptions);
    if (method === "initialize") {
      greetings++;
      exchange.whenOver(() => greetings--);
    }
    return exchange;
  }

  /** All that are well have asked to be left alone for a while. */
  function restingFor(): Outcome | undefined {
    if (members.view.availableCount > 0) return undefined;
    const now = performance.now();
    const resting = [...members.all].filter((it) => it.restingUntil > now && it.circuit.kind === "closed");
    if (resting.length === 0) return undefined;
    const afterMs = Math.min(...resting.map((it) => it.restingUntil)) - now;
    const why = failure("RETRY_LATER", name(), "every upstream asks to be left alone for a while");
    return { kind: "retry_later", failure: why, status: undefined, answer: undefined, afterMs };
  }

  /** A client that begins anew has a new session everywhere. */
  function beginSession(): void {
    if (leader === undefined) return;
    leader = undefined;
    speaker = undefined;
    for (const member of members.all) retire(member);
  }

  function requestOfOwner(bond: Bond, message: Message, requestOptions: RequestOptions): Exchange {
    const owner = belongings.find(bond.kind, bond.text);
    const member = owner?.serial === undefined ? undefined : members.bySerial(owner.serial);
    if (bond.kind === "cursor" && member === undefined) {
      return settledExchange({ kind: "answered", message: unknownCursor(message) });
    }
    const own = asOwner(message, bond, owner);
    if (member === undefined) return flights.carry(own, requestOptions);
    member.boundAt = performance.now();
    return flights.carry(own, {
      ...requestOptions,
      bound: member,
      ...(bond.kind === "cursor"
        ? { whenGone: () => ({ kind: "answered", message: unknownCursor(message) }) as const }
        : bond.kind === "task"
        ? { whenGone: (outcome: Outcome) => outcome }
        : {}),
    });
  }

  function asOwner(message: Message, { kind, path, text }: Bond, owner: Owner | undefined): Message {
    if (kind === "state" && isOwnState(text)) return edit(message, [{ path, value: undefined }]);
    if (owner === undefined || owner.text === text) return message;
    return edit(message, [{ path, value: owner.text }]);
  }

  /** S/2025-11-25/server/utilities/pagination, Error Handling. */
  function unknownCursor(message: Message): Message {
    const why =
      "Invalid params: the upstream that has made this cursor is not known any more; begin the list anew";
    return errorAnswer(message.id!, ErrorCode.InvalidParams, why);
  }

  async function notify(
    message: Message,
    notifyOptions?: Pick<RequestOptions, "headers">,
  ): Promise<Failure | undefined> {
    if (closing.signal.aborted) return endFailure();
    if (message.isAnswer || message.method === "notifications/progress") {
      const meant = questions.toServer(message);
      const whose = meant === undefined ? undefined : grounds.get(meant.serial);
      if (whose !== undefined) {
        const { ground, member } = whose;
        const task = message.isAnswer ? clientTaskIn(message) : undefined;
        if (task !== undefined) belongings.keep("client task", task, member.serial);
        const own = renameTasksIn(meant!.message, (text) => asMember(member, text));
        return await (await ground.opening).notify(own, notifyOptions);
      }
      return failure("SESSION_LOST", name(), "who asked this is not there any more");
    }
    const task = clientTaskIn(message);
    const asker = task === undefined ? undefined : belongings.find("client task", task);
    const all = [...grounds.values()].filter(({ ground, member }) =>
      !ground.retired && (asker === undefined || member.serial === asker.serial)
    ).map(({ ground }) => ground);
    if (asker !== undefined && all.length === 0) {
      return failure("SESSION_LOST", name(), "whose task this is is not there any more");
    }
    const first = leader?.ground.retired === false && all.includes(leader.ground) ? leader.ground : all[0];
    for (const other of all) {
      if (other !== first) void other.opening.then((peer) => peer.notify(message, notifyOptions));
    }
    if (first !== undefined) return await (await first.opening).notify(message, notifyOptions);
    const choice = choose(message, new Set(), () => true);
    if (choice === undefined) return failure("NO_UPSTREAM", name(), "no upstream takes requests");
    return await (await groundOf(choice.member).opening).notify(message, notifyOptions);
  }

  /** A task's name as its upstream knows it. */
  function asMember(member: Member, text: string): string {
    const owner = belongings.find("task", text);
    return owner?.serial === member.serial ? owner.text : text;
  }

  function endFailure(): Failure {
    return failure("SHUTTING_DOWN", name(), "this program is ending");
  }

  // From the servers ----------------------------------------------------------------------------------------------

  function fromServer(ground: Ground, member: Member, message: Message): Message | undefined {
    if (isChange(message.method)) {
      disagreements.changed(member, message.method);
      if (!merging.isNews(message, member.serial)) return undefined;
    }
    const own = renameTasksIn(message, (text) => keepText(member, "task", text));
    return questions.toClient(ground.serial, own);
  }

  /** What the client is to be given of an answer; what it shows of its upstream is taken note of. */
  function shown(member: Member, request: Message, answer: Message): Message {
    if (answer.kind !== "result") return answer;
    const method = request.method!;
    if (method === "initialize" && member.ground !== undefined) {
      leader = { ground: member.ground, member };
      const capabilities = readInitializeResult(answer)?.capabilities ?? {};
      member.ground.capabilities = capabilities;
      disagreements.showCapabilities(capabilities);
    }
    disagreements.show(member, request, answer);
    if (isForAll(method)) tellOthers(member, request);
    if (isList(method)) {
      const own = keep(member, "cursor", answer, ["result", "nextCursor"]);
      return method === "tasks/list" ? withShownTasks(member, method, own) : own;
    }
    if (request.hasIoName && holdsState(answer.bytes)) {
      return keep(member, "state", answer, STATE_MADE);
    }
    if (request.hasIoName && asksForInput(answer)) {
      // Another upstream may be of the other era, and begin the request anew.
      member.boundAt = performance.now();
      return edit(answer, [{ path: STATE_MADE, value: belongings.stateFor(member.serial) }]);
    }
    return withShownTasks(member, method, answer);
  }

  function withShownTasks(member: Member, method: string, answer: Message): Message {
    return renameTasksInAnswer(method, answer, (text) => keepText(member, "task", text));
  }

  function keep(member: Member, kind: Bond["kind"], answer: Message, path: readonly string[]): Message {
    const text = textAt(answer, path);
    if (text === undefined) return answer;
    const own = keepText(member, kind, text);
    return own === text ? answer : edit(answer, [{ path, value: own }]);
  }

  function keepText(member: Member, kind: Bond["kind"], text: string): string {
    member.boundAt = performance.now();
    return belongings.keep(kind, text, member.serial);
  }

  function asksForInput(answer: Message): boolean {
    return holdsInputRequest(answer.bytes) && textAt(answer, ["result", "resultType"]) === '"input_required"';
  }

  /** What one has taken, the others are told too; those that are opened later learn it with the session. */
  function tellOthers(first: Member, request: Message): void {
    const subscribes = request.method === "resources/subscribe";
    for (const member of members.all) {
      const open = member.ground !== undefined ||
        (subscribes && members.view.isAvailable[member.index] === 1);
      if (member === first || !open) continue;
      const ground = groundOf(member);
      ground.untold++;
      ground.telling = ground.telling.then(() => tell(ground, member, request)).then(() =>
        void ground.untold--
      );
    }
  }

  async function tell(ground: Ground, member: Member, request: Message): Promise<void> {
    const peer = await ground.opening;
    if (ground.retired) return;
    const exchange = peer.request(withId(request, newId()), { background: true });
    // What comes next must not wait for ever.
    if (!await within(exchange.outcome, TELL_MS)) exchange.cancel();
    const { kind } = await exchange.outcome;
    if (kind === "answered") return;
    logger.debug(`${request.method} did not reach an upstream`, { endpoint: member.endpoint });
  }

  // Upstreams that come and go ------------------------------------------------------------------------------------

  function setUpstreams(upstreams: readonly UpstreamSettings[]): void {
    const wanted = new Map(upstreams.map((it) => [upstreamId(it), it]));
    for (const member of members.all) {
      const key = upstreamId(member.settings);
      const settings = wanted.get(key);
      wanted.delete(key);
      if (settings === undefined) leave(member);
      else change(member, settings);
    }
    for (const settings of wanted.values()) {
      const member = createMember(++lastMember, settings, describeUpstream(settings));
      member.draining = isDraining(member);
      if (settings.foreign === true) {
        logger.warn(
          "DNS names a server outside of the domain that you have named: it gets no header of yours",
          {
            endpoint: member.endpoint,
          },
        );
      }
      members.add(member);
      health.show(member);
      if (running) {
        logger.info("an upstream has come", { endpoint: member.endpoint });
        listening.joined(member);
      }
    }
  }

  function change(member: Member, settings: UpstreamSettings): void {
    member.settings = settings;
    members.view.weights[member.index] = settings.weight;
    if (member.leaving) logger.info("an upstream has come back", { endpoint: member.endpoint });
    member.leaving = false;
    drain(member, isDraining(member));
  }

  function leave(member: Member): void {
    if (member.leaving) return;
    member.leaving = true;
    member.stateSince = Date.now();
    moveFrom(member);
    health.show(member);
    logger.info("an upstream leaves: it answers what it was asked", { endpoint: member.endpoint });
  }

  function isDraining({ settings }: Member): boolean {
    return settings.drain || isDrained(drained.file, settings) || drained.signal.has(upstreamId(settings));
  }

  function drain(member: Member, draining: boolean): void {
    if (member.draining !== draining) {
      member.draining = draining;
      member.stateSince = Date.now();
      if (!draining) member.backSince = performance.now();
      moveFrom(member);
      const what = draining
        ? "an upstream is drained: it takes nothing new"
        : "an upstream takes requests again";
      logger.warn(what, { endpoint: member.endpoint, inFlight: member.legs.size });
    }
    health.show(member);
  }

  function setDraining(by: "file" | "signal", names: ReadonlySet<string>): void {
    drained[by] = names;
    for (const member of members.all) drain(member, isDraining(member));
  }

  /** Lets one go that has left the list, when nothing needs it any more. */
  function letGo(member: Member, now: number): void {
    const { ground } = member;
    const needed = member.legs.size > 0 || (ground !== undefined && questions.asks(ground.serial)) ||
      (member.boundAt > 0 && now - member.boundAt < BOUND_MS);
    if (needed) return;
    retire(member);
    members.remove(member);
    logger.info("an upstream has gone", { endpoint: member.endpoint });
  }

  // Time ----------------------------------------------------------------------------------------------------------

  function run(): void {
    if (running) return;
    running = true;
    void (async () => {
      while (await pause(TICK_MS, closing.signal)) {
        const now = performance.now();
        health.tick(now);
        for (const member of members.all) {
          if (member.leaving) letGo(member, now);
          // A legacy server gets nothing before the session, which the client has not begun yet.
          else if (greetings === 0 || member.ground !== undefined) checks?.tick(member, now);
        }
      }
    })();
  }

  return {
    request,
    notify,
    listen(it) {
      listener = it;
    },
    wake() {
      for (const { ground } of grounds.values()) ground.peer?.wake?.();
    },
    async close() {
      closing.abort();
      listening.close();
      await Promise.all([...grounds.values()].map(async ({ ground }) => {
        const peer = await ground.opening.catch(() => undefined);
        await peer?.close();
      }));
      await closed.settled(CLOSE_MS);
    },
    snapshot() {
      const now = performance.now();
      return {
        policy: options.policy,
        startedAt,
        takenAt: Date.now(),
        ready: members.view.availableCount > 0,
        upstreams: [...members.all].map((member) => {
          const state = stateOf(member, now);
          const latency = recentLatency(member.histogram, now);
          return {
            endpoint: member.endpoint,
            state,
            ...(member.why === undefined || state === "up" || state === "slow_start"
              ? {}
              : { why: member.why }),
            since: member.stateSince,
            weight: member.settings.weight,
            inFlight: member.legs.size,
            requests: member.requests,
            answered: member.answered,
            failed: member.failed,
            moved: member.moved,
            opened: member.opened,
            ejected: member.timesEjected,
            checks: member.checks,
            checksFailed: member.checksFailed,
            ...(latency === undefined ? {} : { latency }),
            histogram: cumulativeHistogram(member.histogram),
            latencySumMs: member.histogram.sumMs,
          };
        }),
      };
    },
    setUpstreams,
    setDraining,
    drains: () => ({
      ids: [...members.all].map(({ settings }) => upstreamId(settings)),
      drained: drained.signal,
    }),
  };
}
