import { ok } from "node:assert/strict";
import type { Redirect, User } from "../../src/oauth/user.ts";

/** What a scripted user has seen. */
export interface ScriptedUser extends User {
  /** The authorization URLs that were opened. */
  readonly opened: readonly URL[];
  /** How the sign-ins ended, as the page says. */
  readonly outcomes: readonly ({ ok: true } | { ok: false; why: string })[];
  /** The device codes that were shown. */
  readonly codes: readonly { userCode: string; url: string; completeUrl?: string }[];
}

/** Options of {@linkcode scriptedUser}. */
export interface ScriptedUserOptions {
  /** What the person does with the page. @default signs in and allows everything */
  readonly browse?: (url: URL, redirectUri: string) => Promise<URLSearchParams>;
  /** @default "http://127.0.0.1:49152/callback", where nobody listens: the browser stops there */
  readonly redirectUri?: string;
  /** What the person does with a device code. @default enters it */
  readonly enter?: (url: string) => Promise<void>;
}

/** A person with a browser that does as it is told: cookies, redirects, and the buttons that are there. */
export function scriptedUser(options: ScriptedUserOptions = {}): ScriptedUser {
  const {
    browse = (url, redirectUri) => signInAt(url, redirectUri),
    redirectUri = "http://127.0.0.1:49152/callback",
    enter = enterCode,
  } = options;
  const opened: URL[] = [];
  const outcomes: ({ ok: true } | { ok: false; why: string })[] = [];
  const codes: { userCode: string; url: string; completeUrl?: string }[] = [];
  return {
    opened,
    outcomes,
    codes,
    listen() {
      let coming: Promise<URLSearchParams> | undefined;
      const redirect: Redirect = {
        uri: redirectUri,
        show(url) {
          opened.push(new URL(url));
          coming = browse(new URL(url), redirectUri);
          coming.catch(() => {});
        },
        answer(_state, signal) {
          return Promise.race([
            coming!,
            new Promise<never>((_, reject) =>
              signal.addEventListener("abort", () => reject(signal.reason), { once: true })
            ),
          ]);
        },
        done: (outcome) => void outcomes.push(outcome),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
      return Promise.resolve(redirect);
    },
    showCode(code) {
      codes.push(code);
      entering = enter(code.completeUrl ?? code.url);
      entering.catch(() => {});
    },
  };
}

/** What the person is busy with; a test that ends waits for it. */
export let entering: Promise<void> = Promise.resolve();

/** Signs in and allows, wherever the pages lead, until the browser is sent to the redirect URI. */
export async function signInAt(url: URL, redirectUri: string): Promise<URLSearchParams> {
  const last = await click(url, (next) => next.href.startsWith(redirectUri));
  return last.searchParams;
}

/** Enters a device code, at the page that has it filled in. */
export async function enterCode(url: string): Promise<void> {
  await click(new URL(url), (_next, page) => page !== undefined && /Sign-in Success|success/i.test(page));
}

async function click(start: URL, isEnd: (url: URL, page?: string) => boolean): Promise<URL> {
  const cookies = new Map<string, string>();
  let url = start;
  let form: URLSearchParams | undefined;
  for (let steps = 0; steps < 20; steps++) {
    if (isEnd(url)) return url;
    const response = await fetch(url, {
      redirect: "manual",
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") },
      ...(form === undefined ? {} : { method: "POST", body: form }),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie)!;
      if (value === "") cookies.delete(name!);
      else cookies.set(name!, value!);
    }
    const page = await response.text();
    const location = response.headers.get("location");
    form = undefined;
    if (location !== null) {
      url = new URL(location, url);
      continue;
    }
    if (isEnd(url, page)) return url;
    const action = /<form[^>]*\baction="([^"]*)"/.exec(page)?.[1];
    ok(action !== undefined, `no form at ${url.pathname} (HTTP ${response.status}): ${page.slice(0, 400)}`);
    form = new URLSearchParams();
    for (const [input] of page.matchAll(/<input[^>]*>/g)) {
      const name = /\bname="([^"]*)"/.exec(input)?.[1];
      if (name !== undefined) form.set(name, /\bvalue="([^"]*)"/.exec(input)?.[1] ?? "somebody");
    }
    url = new URL(action.replaceAll("&amp;", "&"), url);
  }
  throw new Error("the pages never end");
}
