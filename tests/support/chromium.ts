/**
 * A real Chromium, spoken to over the DevTools protocol. Whoever starts it passes {@linkcode chromiumFlags}; a
 * program under test does so through `$BROWSER`.
 */

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** The path of a Chromium, where there is one. */
export function findChromium(): string | undefined {
  const folders = Deno.build.os === "windows" ? [] : (Deno.env.get("PATH") ?? "").split(":");
  return folders.flatMap((folder) => NAMES.map((name) => `${folder}/${name}`)).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** The flags for a Chromium without a window, whose profile is this folder. */
export function chromiumFlags(profile: string): string[] {
  return [
    "--headless=new",
    "--remote-debugging-port=0",
    `--user-data-dir=${profile}`,
    // The sandbox needs what containers don't give, and root may not have it.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--password-store=basic",
    "--use-mock-keychain",
    // Any name is this machine, as one that was rebound would be.
    "--host-resolver-rules=MAP *.example 127.0.0.1",
  ];
}

/** One tab. */
export interface Tab {
  /** Sends a command of the DevTools protocol. */
  send(method: string, params?: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** The events so far, oldest first; a domain's come once it is enabled. */
  readonly events: readonly { readonly method: string; readonly params: Record<string, unknown> }[];
  /** The value of an expression, in the page. */
  evaluate<T>(expression: string): Promise<T>;
  /** Evaluates an expression until it is true; a page that is being replaced counts as "not yet". */
  until(expression: string, timeoutMs?: number): Promise<void>;
  /** The title, even while the page is being replaced: then nothing can be evaluated. */
  title(): Promise<string>;
  /** A picture of the page, as PNG. */
  screenshot(): Promise<Uint8Array<ArrayBuffer>>;
}

/** A running Chromium. Disposing of it ends it. */
export interface Chromium extends AsyncDisposable {
  /** The first tab whose address matches, now or later. */
  tab(address: (url: string) => boolean, timeoutMs?: number): Promise<Tab>;
}

interface Target {
  readonly targetId: string;
  readonly type: string;
  readonly url: string;
}

const WAIT_MS = 30_000;
const POLL_MS = 30;

/** Connects to the Chromium that was started, or is being started, with this profile. */
export async function connectChromium(profile: string): Promise<Chromium> {
  const [port, path] = (await poll(WAIT_MS, "Chromium did not start", async () => {
    const lines = (await Deno.readTextFile(`${profile}/DevToolsActivePort`)).split("\n");
    return lines.length >= 2 ? lines : undefined;
  })) as [string, string];
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`);
  const waiting = new Map<number, PromiseWithResolvers<Record<string, unknown>>>();
  const eventsOf = new Map<string, { method: string; params: Record<string, unknown> }[]>();
  const closed = Promise.withResolvers<void>();
  let count = 0;

  socket.onmessage = ({ data }) => {
    const { id, result, error, method, params, sessionId } = JSON.parse(data);
    if (id === undefined) return void eventsOf.get(sessionId)?.push({ method, params });
    const answer = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) answer?.resolve(result);
    else answer?.reject(new Error(`Chromium: ${error.message}`));
  };
  socket.onclose = () => {
    for (const { reject } of waiting.values()) reject(new Error("Chromium has gone"));
    closed.resolve();
  };
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error("Chromium does not answer"));
  });

  function send(method: string, params: Record<string, unknown> = {}, sessionId?: string) {
    const answer = Promise.withResolvers<Record<string, unknown>>();
    waiting.set(++count, answer);
    socket.send(
      JSON.stringify({ id: count, method, params, ...(sessionId === undefined ? {} : { sessionId }) }),
    );
    return answer.promise;
  }

  function openTab(targetId: string, sessionId: string): Tab {
    const events: { method: string; params: Record<string, unknown> }[] = [];
    eventsOf.set(sessionId, events);
    const tab: Tab = {
      events,
      send: (method, params) => send(method, params, sessionId),
      async evaluate<T>(expression: string) {
        const { result, exceptionDetails } = await tab.send("Runtime.evaluate", {
          expression,
          returnByValue: true,
          awaitPromise: true,
        }) as { result: { value: T }; exceptionDetails?: { text: string } };
        if (exceptionDetails !== undefined) throw new Error(`${expression}: ${exceptionDetails.text}`);
        return result.value;
      },
      until: async (expression, timeoutMs = WAIT_MS) => {
        await poll(timeoutMs, `it did not come true in the page: ${expression}`, async () => {
          return await tab.evaluate(expression) === true ? true : undefined;
        });
      },
      async title() {
        const { targetInfo } = await send("Target.getTargetInfo", { targetId }) as {
          targetInfo: { title: string };
        };
        return targetInfo.title;
      },
      async screenshot() {
        const { data } = await tab.send("Page.captureScreenshot", { format: "png" }) as { data: string };
        return Uint8Array.fromBase64(data);
      },
    };
    return tab;
  }

  return {
    async tab(address, timeoutMs = WAIT_MS) {
      const target = await poll(timeoutMs, "no tab has that address", async () => {
        const { targetInfos } = await send("Target.getTargets") as unknown as { targetInfos: Target[] };
        return targetInfos.find(({ type, url }) => type === "page" && address(url));
      });
      const { sessionId } = await send("Target.attachToTarget", { targetId: target.targetId, flatten: true });
      return openTab(target.targetId, sessionId as string);
    },
    async [Symbol.asyncDispose]() {
      send("Browser.close").catch(() => {});
      await closed.promise;
    },
  };
}

async function poll<T>(timeoutMs: number, failure: string, look: () => Promise<T | undefined>): Promise<T> {
  let last: unknown;
  for (const end = performance.now() + timeoutMs; performance.now() < end;) {
    try {
      const found = await look();
      if (found !== undefined) return found;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(failure, { cause: last });
}
