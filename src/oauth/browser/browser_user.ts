import type { Redirect, User } from "../user.ts";
import { bindLoopback } from "./bind_loopback.ts";
import { BrowserError } from "./browser_error.ts";
import { type CallbackServer, serveCallback } from "./callback_server.ts";
import { createBrowserOpener, type OpenBrowser, type Opened } from "./open_browser.ts";
import { openableUrl } from "./openable_url.ts";
import { renderPage } from "./page.ts";
import { readPasted } from "./pasted_answer.ts";
import { expectedHosts, planRedirect, redirectUri } from "./redirect_plan.ts";
import {
  codeText,
  notOpenedText,
  openingText,
  pastedText,
  printText,
  type SignInFacts,
} from "./sign_in_text.ts";

/**
 * Reads one line from the person; nothing when no more will come. It must end when `signal` aborts, as nobody waits
 * for the line then.
 */
export type ReadLine = (signal: AbortSignal) => Promise<string | undefined>;

/** Options of {@linkcode createBrowserUser}. */
export interface BrowserUserOptions {
  /** Opens a browser, or prints the address for the person to open. */
  mode: "open" | "print";
  /** The server that is signed in to, as the person knows it: its host, say. */
  server: string;
  /**
   * Shows text to the person: lines of plain text, the last without its line break. The addresses in it are of no use
   * when a part is blotted out; they hold no secret.
   */
  say: (text: string) => void;
  /**
   * Reads what the person pastes: the address that a browser on another machine ended up at.
   * @default nothing can be pasted
   */
  readLine?: ReadLine;
  /**
   * The redirect URL: on this machine with `http:`, or an `https:` one that leads to `callbackPort`.
   * @default `http://127.0.0.1:PORT/callback`
   */
  redirectUrl?: string | undefined;
  /**
   * The port to wait at.
   * @default that of `redirectUrl`, else any
   */
  callbackPort?: number | undefined;
  /**
   * A port to wait at if it is free, where neither of the above says one: the one of last time, for servers that
   * know the redirect URI to the letter.
   * @default any
   */
  usualPort?: number | undefined;
  /**
   * How long the person may take, in milliseconds.
   * @default 600_000
   */
  deadlineMs?: number;
  /**
   * Opens a URL; one for all that sign in, or the bound on tabs is none.
   * @default one of its own
   */
  openBrowser?: OpenBrowser;
}

/** Makes a {@linkcode User} who has a browser, here or elsewhere. */
export function createBrowserUser(options: BrowserUserOptions): User {
  const openBrowser = options.openBrowser ?? createBrowserOpener();
  return {
    // deno-lint-ignore require-await
    listen: async (signal) => listen(options, openBrowser, signal),
    showCode(code) {
      const url = openableUrl(code.url);
      const completeUrl = code.completeUrl === undefined ? undefined : openableUrl(code.completeUrl);
      const minutes = Math.max(1, Math.round((code.expiresAt - Date.now()) / 60_000));
      const shown = {
        userCode: code.userCode,
        url,
        minutes,
        ...(completeUrl === undefined ? {} : { completeUrl }),
      };
      options.say(codeText(shown, options.server));
      if (options.mode === "print") return;
      // The text says all that is needed if this fails.
      openBrowser(completeUrl ?? url, new AbortController().signal).catch(() => {});
    },
  };
}

function listen(options: BrowserUserOptions, openBrowser: OpenBrowser, signal: AbortSignal): Redirect {
  signal.throwIfAborted();
  const plan = planRedirect(options);
  const bound = plan.port === 0 ? bindUsual(options.usualPort ?? 0) : bindLoopback(plan.port);
  const uri = redirectUri(plan, bound);
  const server = serveCallback({
    listeners: bound.listeners,
    path: plan.path,
    hosts: expectedHosts(plan, bound),
    page: (page) => renderPage(page, { server: options.server, nonce: crypto.randomUUID() }),
    signal,
  });
  const over = new AbortController();
  const attempts = new Set<Promise<void>>();
  const paste = options.readLine !== undefined;
  // What forwards to us is elsewhere already.
  const port = plan.given?.loopback === false ? undefined : Number(new URL(uri).port || "80");

  async function open(facts: SignInFacts): Promise<void> {
    let begun = false;
    const begins = () => {
      begun = true;
      options.say(openingText(facts));
    };
    const opened = await openBrowser(facts.url, over.signal, begins)
      .catch((error): Opened => ({ ok: false, why: String(error) }));
    if (opened.ok || over.signal.aborted) return;
    options.say(begun ? notOpenedText(facts, opened.why) : printText(facts, opened.why));
  }

  return {
    uri,
    show(url) {
      const facts = { server: options.server, url: openableUrl(url), port, redirectUri: uri, paste };
      if (options.mode === "print") return options.say(printText(facts));
      const attempt = open(facts).finally(() => attempts.delete(attempt));
      attempts.add(attempt);
    },
    async answer(state, answerSignal) {
      const answered = new AbortController();
      if (options.readLine !== undefined) {
        void takePasted(options.readLine, server, options.say, uri, answered.signal);
      }
      try {
        return await server.answer(state, answerSignal, options.deadlineMs ?? 600_000);
      } finally {
        answered.abort();
      }
    },
    done: server.done,
    async [Symbol.asyncDispose]() {
      over.abort();
      await Promise.all([server[Symbol.asyncDispose](), ...attempts]);
    },
  };
}

/** Binds a port that is better than any, but not worth failing for. */
function bindUsual(port: number): ReturnType<typeof bindLoopback> {
  try {
    return bindLoopback(port);
  } catch (error) {
    const taken = error instanceof BrowserError &&
      ["PORT_IN_USE", "PORT_FORBIDDEN", "PERMISSION"].includes(error.code);
    if (port === 0 || !taken) throw error;
    return bindLoopback(0);
  }
}

/** Reads what the person pastes until it is the answer, or no more is wanted. Never rejects. */
async function takePasted(
  readLine: ReadLine,
  server: CallbackServer,
  say: (text: string) => void,
  uri: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    while (!signal.aborted) {
      const line = await readLine(signal);
      if (line === undefined || signal.aborted) return;
      const pasted = readPasted(line);
      if (pasted.kind === "empty") continue;
      if (pasted.kind !== "answer") say(pastedText(pasted.kind, uri));
      else if (await server.offer(pasted.params) !== "unexpected") return;
      else say(pastedText("unexpected", uri));
    }
  } catch {
    // The terminal is gone; the browser may still come.
  }
}
