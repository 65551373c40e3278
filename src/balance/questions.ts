import { notification } from "../jsonrpc/answers.ts";
import { edit, textAt, withId } from "../jsonrpc/edit.ts";
import type { Id } from "../jsonrpc/id.ts";
import type { Message } from "../jsonrpc/message.ts";
import { markedId, readMarkedId } from "../upstream/marked_id.ts";

/** What the servers of several upstreams ask the client, kept apart. */
export interface Questions {
  /** What a server says, as the client is to see it: ids and progress tokens of its own carry its mark. */
  toClient(serial: number, message: Message): Message;
  /** Whose question an answer or a progress of the client's is about, and the message as that server knows it. */
  toServer(message: Message): { readonly serial: number; readonly message: Message };
  /** Whether the client has questions of it to answer. */
  asks(serial: number): boolean;
  /** A server is gone: returns the cancellations of its questions for the client. */
  ended(serial: number, reason: string): Message[];
}

/** Open questions that are kept account of. */
const MOST = 4096;

const TOKEN = ["params", "_meta", "progressToken"];

/** Makes {@linkcode Questions}. Nothing that two servers say can be taken for the other's, whatever ids they use. */
export function createQuestions(): Questions {
  /** The client's id of each, with its server's serial number. */
  const open = new Map<Id, number>();

  function note(id: Id, serial: number): void {
    open.set(id, serial);
    if (open.size > MOST) open.delete(open.keys().next().value!);
  }

  function question(serial: number, message: Message): Message {
    const own = withId(message, markedId(serial, message.id!));
    note(own.id!, serial);
    const token = serial === 0 ? undefined : textAt(own, TOKEN);
    return token === undefined ? own : edit(own, [{ path: TOKEN, value: markedId(serial, token) }]);
  }

  return {
    toClient(serial, message) {
      if (message.kind === "request") return question(serial, message);
      if (message.method !== "notifications/cancelled") return message;
      const id = textAt(message, ["params", "requestId"]);
      if (id === undefined) return message;
      const own = markedId(serial, id);
      open.delete(own);
      return own === id ? message : edit(message, [{ path: ["params", "requestId"], value: own }]);
    },
    toServer(message) {
      if (message.isAnswer) {
        open.delete(message.id!);
        const { serial, id } = readMarkedId(message.id!);
        return { serial, message: withId(message, id) };
      }
      const token = textAt(message, ["params", "progressToken"]);
      if (token === undefined) return { serial: 0, message };
      const { serial, id } = readMarkedId(token);
      if (serial === 0) return { serial, message };
      return { serial, message: edit(message, [{ path: ["params", "progressToken"], value: id }]) };
    },
    asks(serial) {
      for (const whose of open.values()) if (whose === serial) return true;
      return false;
    },
    ended(serial, reason) {
      const theirs = [...open].filter(([, whose]) => whose === serial).map(([id]) => id);
      return theirs.map((id) => {
        open.delete(id);
        return edit(notification("notifications/cancelled", { requestId: 0, reason }), [
          { path: ["params", "requestId"], value: id },
        ]);
      });
    },
  };
}
