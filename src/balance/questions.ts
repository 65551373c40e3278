import { notification } from "../jsonrpc/answers.ts";
import { edit, textAt, withId } from "../jsonrpc/edit.ts";
import { type Id, idKey, idsMeet } from "../jsonrpc/id.ts";
import type { Message } from "../jsonrpc/message.ts";
import { markedId, readMarkedId } from "../upstream/marked_id.ts";

/** What the servers of several upstreams ask the client, kept apart. */
export interface Questions {
  /** What a server says, as the client is to see it: ids and progress tokens of its own carry its mark. */
  toClient(serial: number, message: Message): Message;
  /**
   * Whose question an answer or a progress of the client's is about, and the message as that server knows it; `undefined`
   * when that is not there any more.
   */
  toServer(message: Message): { readonly serial: number; readonly message: Message } | undefined;
  /** Whether the client has questions of it to answer. */
  asks(serial: number): boolean;
  /** These are not asked any more: returns the cancellations for the client of those it has not answered. */
  withdraw(ids: readonly Id[], reason: string): Message[];
  /**
   * A server is gone, or has begun a session in which it knows nothing of its questions: returns their cancellations for
   * the client. What the client still answers reaches nobody.
   */
  ended(serial: number, reason: string): Message[];
}

/** Open questions that are kept account of. */
const MOST = 4096;

const ID = ["params", "requestId"];
const TOKEN = ["params", "_meta", "progressToken"];
const PROGRESS = ["params", "progressToken"];

/** A question that the client has not answered. */
interface Open {
  readonly serial: number;
  /** As the client and as the server has written its id. */
  readonly own: Id;
  readonly id: Id;
}

/** Makes {@linkcode Questions}. Nothing that two servers say can be taken for the other's, whatever ids they use. */
export function createQuestions(): Questions {
  /** By the client's id. */
  const open = new Map<string, Open>();
  /** The number that marks what a server asks: another in each of its sessions. */
  const marks = new Map<number, number>();
  const serials = new Map<number, number>();
  let lastMark = -1;

  function markOf(serial: number): number {
    let mark = marks.get(serial);
    if (mark === undefined) {
      marks.set(serial, mark = ++lastMark);
      serials.set(mark, serial);
    }
    return mark;
  }

  function question(serial: number, message: Message): Message {
    const mark = markOf(serial);
    const id = message.id!;
    const own = markedId(mark, id);
    open.set(idKey(own), { serial, own, id });
    if (open.size > MOST) open.delete(open.keys().next().value!);
    const token = textAt(message, TOKEN);
    return withMark(withId(message, own), TOKEN, token, mark);
  }

  function withMark(
    message: Message,
    path: readonly string[],
    text: string | undefined,
    mark: number,
  ): Message {
    const own = text === undefined ? undefined : markedId(mark, text);
    return own === text ? message : edit(message, [{ path, value: own! }]);
  }

  /** The server may spell the id otherwise than in its question. */
  function find(serial: number, id: Id): Open | undefined {
    const exact = open.get(idKey(markedId(markOf(serial), id)));
    if (exact !== undefined) return exact;
    for (const it of open.values()) if (it.serial === serial && idsMeet(it.id, id)) return it;
    return undefined;
  }

  function cancellation({ own }: Open, reason: string): Message {
    const notice = notification("notifications/cancelled", { requestId: 0, reason });
    return edit(notice, [{ path: ID, value: own }]);
  }

  return {
    toClient(serial, message) {
      if (message.kind === "request") return question(serial, message);
      if (message.method !== "notifications/cancelled") return message;
      const id = textAt(message, ID);
      if (id === undefined) return message;
      const found = find(serial, id);
      if (found === undefined) return withMark(message, ID, id, markOf(serial));
      open.delete(idKey(found.own));
      return found.own === id ? message : edit(message, [{ path: ID, value: found.own }]);
    },
    toServer(message) {
      const text = message.isAnswer ? message.id! : textAt(message, PROGRESS);
      if (text === undefined) return undefined;
      if (message.isAnswer) open.delete(idKey(text));
      const { serial: mark, id } = readMarkedId(text);
      const serial = serials.get(mark);
      if (serial === undefined) return undefined;
      const own = message.isAnswer
        ? withId(message, id)
        : id === text
        ? message
        : edit(message, [{ path: PROGRESS, value: id }]);
      return { serial, message: own };
    },
    asks(serial) {
      for (const it of open.values()) if (it.serial === serial) return true;
      return false;
    },
    withdraw(ids, reason) {
      return ids.flatMap((id) => {
        const found = open.get(idKey(id));
        if (found === undefined) return [];
        open.delete(idKey(id));
        return [cancellation(found, reason)];
      });
    },
    ended(serial, reason) {
      const mark = marks.get(serial);
      if (mark === undefined) return [];
      marks.delete(serial);
      serials.delete(mark);
      const theirs = [...open].filter(([, it]) => it.serial === serial);
      for (const [key] of theirs) open.delete(key);
      return theirs.map(([, it]) => cancellation(it, reason));
    },
  };
}
