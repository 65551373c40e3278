import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { type BrowserUserOptions, createBrowserUser } from "../../../src/oauth/browser/browser_user.ts";
import { createBrowserOpener, type OpenBrowser } from "../../../src/oauth/browser/open_browser.ts";
import { until } from "../../support/until.ts";
import { openerScript } from "./opener_script.ts";
import { get, rawConnect, rawRequest } from "./raw_request.ts";

const never = new AbortController().signal;
const STATE = "the-state";

interface Person {
  readonly said: string[];
  readonly opened: string[];
  readonly options: BrowserUserOptions;
}

/** Somebody who notes what is said and opened. */
function person(mode: "open" | "print", more: Partial<BrowserUserOptions> = {}): Person {
  const said: string[] = [];
  const opened: string[] = [];
  const openBrowser: OpenBrowser = (url, _signal, begins) => {
    begins?.();
    opened.push(url);
    return Promise.resolve({ ok: true, by: "firefox" });
  };
  return {
    said,
    opened,
    options: { mode, server: "mcp.example.com", say: (text) => void said.push(text), openBrowser, ...more },
  };
}

function authorizeUrl(redirect: string): string {
  return `https://as.example/authorize?${new URLSearchParams({
    client_id: "c",
    state: STATE,
    redirect_uri: redirect,
  })}`;
}

/** Lines that a person pastes, and then nothing for as long as it is wanted. */
function lines(...pasted: string[]): (signal: AbortSignal) => Promise<string | undefined> {
  return (signal) => {
    const line = pasted.shift();
    if (line !== undefined) return Promise.resolve(line);
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined)));
  };
}

Deno.test("one tab opens, the browser comes back, and the person sees that it worked", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using script = await openerScript();
  const started: Deno.ChildProcess[] = [];
  const openBrowser = createBrowserOpener({
    started: (program) => started.push(program),
    surroundings: {
      os: "linux",
      env: (name) => name === "BROWSER" ? script.path : undefined,
      isFile: (path) => path === script.path,
    },
  });
  const { options, said } = person("open", { openBrowser });
  await using redirect = await createBrowserUser(options).listen(never);
  match(redirect.uri, /^http:\/\/127\.0\.0\.1:\d+\/callback$/);
  const url = authorizeUrl(redirect.uri);
  redirect.show(url);
  const answer = redirect.answer(STATE, never);
  await until(() => script.starts().length === 1);
  deepStrictEqual(script.starts(), [[url]]);

  const port = Number(new URL(redirect.uri).port);
  using browser = await rawConnect(port, get(port, `/callback?code=a&state=${STATE}`));
  strictEqual((await answer).get("code"), "a");
  redirect.done({ ok: true });
  match((await browser.response)?.body ?? "", /signed in[^]*mcp\.example\.com/);
  strictEqual(said.length, 1);
  ok(said[0]!.includes(`\n  ${url}\n`), "the address is not in what was said, for those whose browser hides");
  await Promise.all(started.map(({ status }) => status));
});

Deno.test("where there is no browser, the person is told at once where to sign in, and of no tab", async () => {
  const openBrowser = createBrowserOpener({
    surroundings: {
      os: "linux",
      env: (name) => name === "BROWSER" ? "none" : undefined,
      isFile: () => false,
    },
  });
  const { options, said } = person("open", { openBrowser });
  await using redirect = await createBrowserUser(options).listen(never);
  const url = authorizeUrl(redirect.uri);
  redirect.show(url);
  await until(() => said.length === 1);
  match(
    said[0]!,
    /^To sign in to mcp\.example\.com, open this address in a browser \(.*BROWSER says none\):\n/,
  );
  ok(said[0]!.includes(`\n  ${url}\n`));
  ok(!/tab/.test(said[0]!));
  ok(said[0]!.includes("ssh -L "));
});

Deno.test("where no browser opens, the person is told why and what to do", async () => {
  const openBrowser: OpenBrowser = (_url, _signal, begins) => {
    begins?.();
    return Promise.resolve({ ok: false, why: "the browser ended with code 3" });
  };
  const { options, said } = person("open", { openBrowser, readLine: lines() });
  await using redirect = await createBrowserUser(options).listen(never);
  redirect.show(authorizeUrl(redirect.uri));
  await until(() => said.length === 2);
  const port = new URL(redirect.uri).port;
  match(said[1]!, /ended with code 3/);
  ok(said[1]!.includes(`ssh -L ${port}:127.0.0.1:${port} `));
  ok(said[1]!.includes(redirect.uri), "it does not say what to paste");
});

Deno.test("--no-browser prints the address and opens nothing", async () => {
  const { options, said, opened } = person("print");
  await using redirect = await createBrowserUser(options).listen(never);
  redirect.show(authorizeUrl(redirect.uri));
  const port = new URL(redirect.uri).port;
  deepStrictEqual(opened, []);
  strictEqual(said.length, 1);
  ok(said[0]!.includes(`\n  ${authorizeUrl(redirect.uri)}\n`));
  ok(said[0]!.includes(`\n  ssh -L ${port}:127.0.0.1:${port} HOST\n`));
  ok(!/paste/i.test(said[0]!), "it speaks of pasting where nothing can be pasted");
});

Deno.test("an address pasted back is the answer, after others that are not", async () => {
  const { options, said } = person("print", {
    readLine: lines(
      "",
      "hello",
      `https://as.example/authorize?client_id=c&state=${STATE}`,
      "http://127.0.0.1:1/callback?code=evil&state=other",
      "http://127.0.0.1:1/callback?code=evil",
      ` "http://127.0.0.1:1/callback?code=a%2Bb&state=${STATE}&iss=https%3A%2F%2Fas.example" `,
    ),
  });
  await using redirect = await createBrowserUser(options).listen(never);
  redirect.show(authorizeUrl(redirect.uri));
  const answer = await redirect.answer(STATE, never);
  deepStrictEqual([...answer], [["code", "a+b"], ["state", STATE], ["iss", "https://as.example"]]);
  strictEqual(said.length, 5);
  match(said[1]!, /no answer/);
  match(said[2]!, /address to sign in at/);
  match(said[3]!, /another sign-in/);
  match(said[4]!, /another sign-in/);
  ok(!said.slice(1).join().includes("evil"), "what was pasted is said again");
});

Deno.test("the browser may come back while the terminal waits for a line, which is then given up", async () => {
  let aborted = false;
  const readLine = (signal: AbortSignal) =>
    new Promise<string | undefined>((resolve) =>
      signal.addEventListener("abort", () => {
        aborted = true;
        resolve(undefined);
      })
    );
  const { options } = person("print", { readLine });
  await using redirect = await createBrowserUser(options).listen(never);
  const answer = redirect.answer(STATE, never);
  const port = Number(new URL(redirect.uri).port);
  using _browser = await rawConnect(port, get(port, `/callback?code=a&state=${STATE}`));
  strictEqual((await answer).get("code"), "a");
  ok(aborted);
});

for (
  const [what, readLine] of [
    ["ends", () => Promise.resolve(undefined)],
    ["breaks", () => Promise.reject(new Error("EIO"))],
  ] as const
) {
  Deno.test(`a terminal that ${what} does not end the sign-in`, async () => {
    const { options } = person("print", { readLine });
    await using redirect = await createBrowserUser(options).listen(never);
    const answer = redirect.answer(STATE, never);
    const port = Number(new URL(redirect.uri).port);
    using _browser = await rawConnect(port, get(port, `/callback?code=a&state=${STATE}`));
    strictEqual((await answer).get("code"), "a");
  });
}

Deno.test("an address that must not be opened is neither opened nor shown", async () => {
  for (const mode of ["open", "print"] as const) {
    const { options, said, opened } = person(mode);
    const user = createBrowserUser(options);
    await using redirect = await user.listen(never);
    for (const url of ["javascript:alert(1)", "http://as.example/", "https://as.example/\x1b]0;x\x07"]) {
      throws(() => redirect.show(url), { code: "URL_REFUSED" });
      throws(() => user.showCode({ userCode: "A", url, expiresAt: Date.now() }), { code: "URL_REFUSED" });
    }
    deepStrictEqual([said, opened], [[], []]);
  }
});

Deno.test("the end of stdin ends it at once, opener and terminal included", async () => {
  const openBrowser: OpenBrowser = (_url, signal, begins) => {
    begins?.();
    return new Promise((resolve) =>
      signal.addEventListener("abort", () => resolve({ ok: false, why: "it was given up" }))
    );
  };
  const { options, said } = person("open", { openBrowser, readLine: lines() });
  const aborter = new AbortController();
  const redirect = await createBrowserUser(options).listen(aborter.signal);
  redirect.show(authorizeUrl(redirect.uri));
  const answer = redirect.answer(STATE, aborter.signal);
  const reason = new Error("stdin has ended");
  aborter.abort(reason);
  await rejects(answer, reason);
  await redirect[Symbol.asyncDispose]();
  strictEqual(said.length, 1, "it says that no browser opened after it was given up");
  await rejects(rawRequest(Number(new URL(redirect.uri).port), ""));
});

Deno.test("who does not come in time is waited for no longer", async () => {
  const { options } = person("print", { deadlineMs: 20 });
  await using redirect = await createBrowserUser(options).listen(never);
  await rejects(redirect.answer(STATE, never), { code: "DEADLINE" });
});

Deno.test("a redirect URL of the user's own is sent to the letter and answered there", async () => {
  using free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  const { options } = person("print", { redirectUrl: `http://LOCALHOST:${port}/oauth/cb?x=1` });
  await using redirect = await createBrowserUser(options).listen(never);
  strictEqual(redirect.uri, `http://LOCALHOST:${port}/oauth/cb?x=1`);
  const answer = redirect.answer(STATE, never);
  strictEqual((await rawRequest(port, get(port, `/callback?code=a&state=${STATE}`)))?.status, 404);
  const text = `GET /oauth/cb?x=1&code=a&state=${STATE} HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`;
  using _browser = await rawConnect(port, text);
  strictEqual((await answer).get("code"), "a");
});

Deno.test("what comes through a tunnel keeps its name or not", async () => {
  using free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  const { options, said } = person("print", {
    redirectUrl: "https://me.tunnel.example/cb",
    callbackPort: port,
  });
  await using redirect = await createBrowserUser(options).listen(never);
  strictEqual(redirect.uri, "https://me.tunnel.example/cb");
  redirect.show(authorizeUrl(redirect.uri));
  ok(!said[0]!.includes("ssh -L"));
  const answer = redirect.answer(STATE, never);
  const text = (host: string, code: string, state: string) =>
    `GET /cb?code=${code}&state=${state} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  strictEqual((await rawRequest(port, text("evil.example", "a", STATE)))?.status, 403);
  strictEqual((await rawRequest(port, text(`localhost:${port}`, "b", "other")))?.status, 400);
  using _browser = await rawConnect(port, text("me.tunnel.example", "c", STATE));
  strictEqual((await answer).get("code"), "c");
});

Deno.test("the port of last time is taken again if it is free, else any", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { options } = person("print", { usualPort: taken.addr.port });
  const user = createBrowserUser(options);
  const other = await user.listen(never);
  ok(new URL(other.uri).port !== String(taken.addr.port));
  await other[Symbol.asyncDispose]();
  taken.close();
  await using same = await user.listen(never);
  strictEqual(new URL(same.uri).port, String(taken.addr.port));
});

Deno.test("a port that was asked for and is taken fails before anything is opened", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { options, opened } = person("open", { callbackPort: taken.addr.port });
  await rejects(createBrowserUser(options).listen(never), { code: "PORT_IN_USE" });
  deepStrictEqual(opened, []);
});

Deno.test("the device code is shown, and its page opened where there is a browser", () => {
  const code = {
    userCode: "WDJB-MJHT\x1b[2J",
    url: "https://as.example/device",
    completeUrl: "https://as.example/device?user_code=WDJB-MJHT",
    expiresAt: Date.now() + 900_000,
  };
  const printed = person("print");
  createBrowserUser(printed.options).showCode(code);
  deepStrictEqual(printed.opened, []);
  strictEqual(printed.said.length, 1);
  match(printed.said[0]!, /enter the code WDJB-MJHT\\x1b\[2J:\n\n {2}https:\/\/as\.example\/device\n/);
  match(printed.said[0]!, /\n {2}https:\/\/as\.example\/device\?user_code=WDJB-MJHT\n/);
  match(printed.said[0]!, /15 minutes/);

  const opening = person("open");
  createBrowserUser(opening.options).showCode(code);
  deepStrictEqual(opening.opened, [code.completeUrl]);
  strictEqual(opening.said.length, 1);
});

Deno.test("the name of the server can't forge lines", async () => {
  const { options, said } = person("print", { server: "a\n  https://evil.example\n" });
  await using redirect = await createBrowserUser(options).listen(never);
  redirect.show(authorizeUrl(redirect.uri));
  ok(!/^ *https:\/\/evil/m.test(said[0]!));
});
