import { createInbox, type Inbox } from "./inbox.ts";
import { signInAt } from "../oauth/scripted_user.ts";

/** What a person sees at the end. */
export interface LastPage {
  readonly status: number;
  readonly text: string;
}

/** A browser in the test's own process, which the programs under test open through `$BROWSER`. */
export interface TestBrowser extends AsyncDisposable {
  /** The value of `$BROWSER`. */
  readonly command: string;
  /** The addresses that were opened. */
  readonly tabs: Inbox<URL>;
  /** What the person does with a tab by himself. @default signs in and allows everything */
  onOpen: (tab: URL) => Promise<unknown>;
  /** What went wrong with that. */
  readonly problems: readonly unknown[];
}

/** Starts it. */
export function startTestBrowser(): TestBrowser {
  const tabs = createInbox<URL>((items) => `tabs: ${items.join("\n") || "none"}`);
  const problems: unknown[] = [];
  const busy = new Set<Promise<unknown>>();
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const tab = new URL(await request.text());
    tabs.push(tab);
    const work = browser.onOpen(tab).catch((error) => problems.push(error)).finally(() => busy.delete(work));
    busy.add(work);
    return new Response(null, { status: 204 });
  });
  const script = new URL("./hand_over.ts", import.meta.url).pathname;
  const browser: TestBrowser = {
    // %c is a colon, which would end the command.
    command:
      `${Deno.execPath()} run -A --quiet --no-config ${script} http%c//127.0.0.1%c${server.addr.port}/ %s`,
    tabs,
    problems,
    onOpen: signIn,
    async [Symbol.asyncDispose]() {
      await Promise.all(busy);
      await server.shutdown();
    },
  };
  return browser;
}

/** Where a tab's sign-in comes back to. */
export function redirectOf(tab: URL): URL {
  return new URL(tab.searchParams.get("redirect_uri")!);
}

/** Signs in and allows everything, and comes back with that. */
export async function signIn(tab: URL): Promise<LastPage> {
  const answer = await signInAt(tab, redirectOf(tab).href);
  return await comeBack(tab, answer);
}

/** Comes back to the program with these parameters. */
export async function comeBack(tab: URL, answer: URLSearchParams): Promise<LastPage> {
  const url = redirectOf(tab);
  url.search = answer.toString();
  const response = await fetch(url, { redirect: "manual" });
  return { status: response.status, text: await response.text() };
}

/** Does nothing at all: the tab stands there. */
export function leave(): Promise<void> {
  return Promise.resolve();
}
