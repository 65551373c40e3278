/** The status page in a real Chromium, before a real server whose pool the test makes up. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import type { PoolSnapshot, UpstreamSnapshot, UpstreamState } from "../../../src/balance/snapshot.ts";
import { startStatusServer, type StatusServer } from "../../../src/balance/status/status_server.ts";
import { UPSTREAM_STATES } from "../../../src/balance/status/upstream_states.ts";
import { chromiumFlags, connectChromium, findChromium, type Tab } from "../../support/chromium.ts";
import { collectedLog } from "../../support/collected_log.ts";
import { createEventReader, type EventReader } from "./event_reader.ts";
import { madePool, madeUpstream, NASTY, STARTED_AT } from "./made_snapshot.ts";

const chromium = findChromium();
const STATES = Object.keys(UPSTREAM_STATES) as UpstreamState[];
const A = "https://a.example/mcp";
const B = "https://b.example/mcp";

Deno.test("the status page in Chromium", {
  // Only Linux is made sure to have one.
  ignore: chromium === undefined && Deno.build.os !== "linux",
}, async (t) => {
  ok(chromium !== undefined, "there is no Chromium; install the package chromium");
  const pool = startPool();
  let server = await pool.serve(0);
  const profile = await Deno.makeTempDir({ prefix: "chromium-" });
  const program = new Deno.Command(chromium, {
    args: [...chromiumFlags(profile), "about:blank"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const browser = await connectChromium(profile);
  try {
    const tab = await browser.tab((url) => url === "about:blank");
    for (const domain of ["Network", "Log", "Runtime", "Page"]) await tab.send(`${domain}.enable`);
    await look(tab, "light", 1200, 1000);

    await t.step("it shows each upstream: what it does, why, for how long, and its numbers", async () => {
      pool.upstreams = [
        madeUpstream(A, {
          weight: 2.5,
          inFlight: 3,
          requests: 12_345,
          failed: 7,
          moved: 6,
          latency: { p50: 1.25, p95: 20, p99: 1500 },
        }),
        madeUpstream(B, {
          state: "down",
          why: "connection refused",
          since: STARTED_AT + 3_600_000 - 125_000,
          inFlight: 1,
          requests: 655,
        }),
      ];
      await tab.send("Page.navigate", { url: server.url });
      await tab.until("document.querySelectorAll('#upstreams tr').length === 2");
      deepStrictEqual(await rowsOf(tab), [
        {
          name: A,
          why: "",
          state: "up",
          tone: "good",
          since: "for 1 h 0 min",
          numbers: ["2.5", "3", "12,345", "7", "6", "1.3 ms", "20 ms", "1.5 s"],
        },
        {
          name: B,
          why: "connection refused",
          state: "down",
          tone: "bad",
          since: "for 2 min",
          numbers: ["1", "1", "655", "0", "0", "–", "–", "–"],
        },
      ]);
      strictEqual(await textOf(tab, "#headline"), "1 of 2 upstreams up");
      strictEqual(await tab.title(), "1 of 2 up · mcp-connect");
      strictEqual(await textOf(tab, "#about"), "round-robin · running for 1 h 0 min");
      strictEqual(await textOf(tab, "#connection"), "live");
      deepStrictEqual(
        await tab.evaluate("[...document.querySelectorAll('dd')].map((it) => it.textContent)"),
        [
          "–",
          "4",
          "13,000",
          "70.05 %",
          "685.7 %",
        ],
      );
    });

    await t.step("it follows the pool by itself, and says what has changed", async () => {
      await pool.listened();
      pool.upstreams = [
        madeUpstream(A, { state: "resting", why: "it asked for 30 s" }),
        madeUpstream(B, { state: "slow_start" }),
        madeUpstream("tcp://c.example:1", { state: "unused" }),
      ];
      await tab.until("document.title.startsWith('2 of 3 up')");
      await tab.until("document.querySelectorAll('#changes li').length === 3");
      deepStrictEqual(
        await tab.evaluate("[...document.querySelectorAll('#changes li span')].map((it) => it.textContent)"),
        [
          "tcp://c.example:1: not used yet (is new)",
          `${B}: slow start (was down)`,
          `${A}: resting (it asked for 30 s)`,
        ],
      );
      strictEqual(await tab.evaluate("document.getElementById('changes').ariaLive"), "polite");
      pool.upstreams = [madeUpstream(A)];
      await tab.until("document.title.startsWith('1 of 1 up')");
      strictEqual(await textOf(tab, "#headline"), "1 of 1 upstream up");
      deepStrictEqual((await rowsOf(tab)).map(({ name, state }) => [name, state]), [[A, "up"]]);
    });

    await t.step("it draws requests per second and p95, a line for each upstream", async () => {
      pool.upstreams = [madeUpstream(A), madeUpstream(B)];
      pool.perSecond = new Map([[A, 40], [B, 10]]);
      pool.p95 = new Map([[A, 12], [B, 80]]);
      await tab.until(
        "['rate', 'p95'].every((id) => [...document.querySelectorAll('#' + id + ' .line')]" +
          ".filter((it) => /^M.+L.+L/.test(it.getAttribute('d'))).length === 2)",
      );
      await tab.until("document.querySelector('#rate-legend b').textContent === '40'");
      deepStrictEqual(await legendOf(tab, "rate"), [[A, "40"], [B, "10"]]);
      deepStrictEqual(await legendOf(tab, "p95"), [[A, "12 ms"], [B, "80 ms"]]);
      strictEqual(await textOf(tab, "#total-rate"), "50");
      // The line of the one that has more ends higher.
      const ends = (id: string) =>
        tab.evaluate<number[]>(
          `[...document.querySelectorAll("#${id} .dot")].map((it) => Number(it.getAttribute("cy")))`,
        );
      const [rateOfA, rateOfB] = await ends("rate") as [number, number];
      ok(rateOfA < rateOfB);
      const [p95OfA, p95OfB] = await ends("p95") as [number, number];
      ok(p95OfA > p95OfB);
      match(await textOf(tab, "#rate-told"), new RegExp(`^${A}: 40; ${B}: 10$`));
    });

    await t.step("the values under the pointer are told", async () => {
      const { x, y } = await tab.evaluate<{ x: number; y: number }>(
        "(({ right, top }) => ({ x: right - 12, y: top + 50 }))(document.getElementById('rate').getBoundingClientRect())",
      );
      await tab.send("Input.dispatchMouseEvent", { type: "mouseMoved", x, y });
      await tab.until("document.querySelector('#rate-when').textContent.startsWith('at ')");
      strictEqual(await tab.evaluate("document.querySelectorAll('.cursor').length"), 2);
      await tab.send("Input.dispatchMouseEvent", { type: "mouseMoved", x: 5, y: 5 });
      await tab.until("document.querySelector('#rate-when').textContent === 'last 5 minutes'");
      pool.perSecond.clear();
    });

    await t.step("every state has a word and a sign, not a colour alone", async () => {
      pool.upstreams = STATES.map((state) => madeUpstream(`https://${state}.example/`, { state }));
      await tab.until(`document.title.startsWith('3 of ${STATES.length} up')`);
      deepStrictEqual(
        (await rowsOf(tab)).map(({ state, tone }) => [state, tone]),
        STATES.map((state) => [UPSTREAM_STATES[state].word, UPSTREAM_STATES[state].tone]),
      );
      const signs = await tab.evaluate<string[]>(
        "[...document.querySelectorAll('#upstreams .mark')].map((it) => it.textContent)",
      );
      strictEqual(new Set(signs).size, STATES.length);
    });

    await t.step(
      "a pool that takes no requests is hard to miss, and one without upstreams is shown",
      async () => {
        pool.upstreams = [madeUpstream(A, { state: "down", why: "gone" })];
        pool.ready = false;
        await tab.until("document.title.startsWith('0 of 1 up')");
        strictEqual(await textOf(tab, "#notice"), "Not ready: no upstream takes requests.");
        strictEqual(await tab.evaluate("document.body.dataset.tone"), "bad");
        pool.upstreams = [];
        await tab.until("document.title.startsWith('0 of 0 up')");
        strictEqual(await tab.evaluate("document.getElementById('no-upstreams').hidden"), false);
        pool.ready = true;
      },
    );

    await t.step("names and reasons are text, whatever they hold", async () => {
      pool.upstreams = NASTY.map((name, i) =>
        madeUpstream(name, { state: i % 2 === 0 ? "down" : "up", why: name })
      );
      await tab.until(`document.querySelectorAll('#upstreams tr').length === ${NASTY.length}`);
      const rows = await rowsOf(tab);
      const seen = NASTY.map((name) =>
        name.toWellFormed().replace("\n", "\\u000a").replace("\u202e", "\\u202e")
      );
      deepStrictEqual(rows.map(({ name }) => name), seen);
      deepStrictEqual(rows.map(({ why }) => why), seen);
      pool.upstreams = pool.upstreams.map((it) => ({ ...it, state: "trial" as const }));
      await tab.until("document.title.startsWith('0 of')");
      strictEqual(await tab.evaluate("document.querySelectorAll('script').length"), 1);
      strictEqual(await tab.evaluate("document.querySelectorAll('img, iframe, object').length"), 0);
      strictEqual(await tab.evaluate("typeof globalThis.hacked"), "undefined");
    });

    await checkLooks(t, tab);

    await t.step("the same endpoint twice has two rows, and more than eight have no lines", async () => {
      pool.upstreams = [...Array.from({ length: 12 }, () => madeUpstream(A)), madeUpstream(B)];
      await tab.until("document.querySelectorAll('#upstreams tr').length === 13");
      await tab.until("document.querySelectorAll('#rate .line').length === 8");
      strictEqual((await legendOf(tab, "rate")).at(-1)![0], "the first 8 of 13 are drawn");
    });

    await t.step("a thousand upstreams are no burden", async () => {
      pool.upstreams = Array.from({ length: 1000 }, (_, i) => madeUpstream(`https://r${i}.example/`));
      await tab.until("document.querySelectorAll('#upstreams tr').length === 1000");
      await pool.listened();
      await tab.until("document.querySelectorAll('#rate .line').length === 8");
      pool.upstreams = [madeUpstream(A)];
      await tab.until("document.title.startsWith('1 of 1 up')");
    });

    await t.step("a lost connection is told of, and mended without the person", async () => {
      const { port } = new URL(server.url);
      await server.close();
      await tab.until("document.getElementById('connection').textContent === 'connection lost'");
      await tab.until("document.title.startsWith('connection lost')");
      match(await textOf(tab, "#notice"), /^The program does not answer\. What you see is from .+ ago\./);
      deepStrictEqual((await rowsOf(tab)).map(({ name }) => name), [A], "what was known is kept");
      match(await textOf(tab, "#changes li span"), /^Connection to the program lost$/);
      pool.startedAt += 1000;
      pool.upstreams = [madeUpstream(A), madeUpstream(B)];
      server = await pool.serve(Number(port));
      await tab.until("document.title.startsWith('2 of 2 up')");
      strictEqual(await textOf(tab, "#connection"), "live");
      strictEqual(await tab.evaluate("document.getElementById('notice').hidden"), true);
      match(await textOf(tab, "#changes li span"), /^The program was started anew$/);
    });

    await t.step("what the page had to do without was the program alone", () => {
      deepStrictEqual(complaints(tab, new URL(server.url).origin), []);
    });

    await t.step("where too many listen already, the page still follows", async () => {
      await tab.send("Page.navigate", { url: "about:blank" });
      await tab.until("location.href === 'about:blank'");
      await using _ = await listeners(server.url, 16);
      await tab.send("Page.navigate", { url: server.url });
      await tab.until("document.title.startsWith('2 of 2 up')");
      pool.upstreams = [madeUpstream(A, { state: "down" }), madeUpstream(B)];
      await tab.until("document.title.startsWith('1 of 2 up')");
      strictEqual(await textOf(tab, "#connection"), "live");
    });

    await t.step("nothing was loaded from elsewhere, and no script failed", () => {
      const { origin } = new URL(server.url);
      const urls = tab.events.filter(({ method }) => method === "Network.requestWillBeSent")
        .map(({ params }) => (params.request as { url: string }).url)
        .filter((url) => !url.startsWith("data:image/svg+xml,"));
      deepStrictEqual(
        [...new Set(urls)].sort(),
        [`${origin}/`, `${origin}/events`, `${origin}/status.json`],
      );
      deepStrictEqual(complaints(tab, origin), []);
    });

    await t.step("a page whose name was rebound to this address reads nothing", async () => {
      await tab.send("Page.navigate", { url: server.url.replace("127.0.0.1", "rebound.example") });
      await tab.until("location.host.startsWith('rebound')");
      match(await textOf(tab, "body"), /loopback only/);
    });
  } finally {
    await browser[Symbol.asyncDispose]();
    await program.status;
    await server.close();
    await removeSoon(profile);
  }
});

/** A pool whose parts the test sets; its clock runs. */
function startPool() {
  const begun = performance.now();
  const { logger } = collectedLog();
  let asked: PromiseWithResolvers<void> | undefined;
  const pool = {
    upstreams: [] as UpstreamSnapshot[],
    ready: true,
    startedAt: STARTED_AT,
    /** By endpoint. */
    perSecond: new Map<string, number>(),
    p95: new Map<string, number>(),
    /** Resolves when the next snapshot but one was taken: the page has the one before, for the first was on its way. */
    async listened(): Promise<void> {
      for (let i = 0; i < 2; i++) await (asked = Promise.withResolvers()).promise;
    },
    serve: (port: number): Promise<StatusServer> =>
      startStatusServer({ hostname: "127.0.0.1", port, snapshot, logger }),
  };
  function snapshot(): PoolSnapshot {
    const passed = performance.now() - begun;
    asked?.resolve();
    return madePool(
      pool.upstreams.map((it) => {
        const p95 = pool.p95.get(it.endpoint);
        return {
          ...it,
          requests: it.requests + (pool.perSecond.get(it.endpoint) ?? 0) * passed / 1000,
          ...(p95 === undefined ? {} : { latency: { p50: 1, p95, p99: 1000 } }),
        };
      }),
      { ready: pool.ready, startedAt: pool.startedAt, takenAt: STARTED_AT + 3_600_000 + passed },
    );
  }
  return pool;
}

interface Row {
  readonly name: string;
  readonly why: string;
  readonly state: string;
  readonly tone: string;
  readonly since: string;
  readonly numbers: readonly string[];
}

function rowsOf(tab: Tab): Promise<Row[]> {
  return tab.evaluate(`[...document.querySelectorAll("#upstreams tr")].map((row) => ({
    name: row.querySelector(".name bdi").textContent,
    why: row.querySelector(".why").textContent,
    state: row.querySelector(".pill span:last-child").textContent,
    tone: row.dataset.tone,
    since: row.querySelector("time").textContent,
    numbers: [...row.querySelectorAll("td")].slice(1).map((it) => it.textContent),
  }))`);
}

function legendOf(tab: Tab, id: string): Promise<[name: string, value: string][]> {
  return tab.evaluate(
    `[...document.querySelectorAll("#${id}-legend li")].map((it) => [...it.children].slice(1).map((it) => it.textContent))`,
  );
}

function textOf(tab: Tab, selector: string): Promise<string> {
  return tab.evaluate(`document.querySelector(${JSON.stringify(selector)}).textContent`);
}

/** What Chromium complains of: rules broken, scripts that failed, requests that did; the loss of `origin` itself is none. */
function complaints(tab: Tab, origin: string): string[] {
  return tab.events.filter(({ method, params }) => {
    if (method === "Runtime.exceptionThrown" || method === "Runtime.consoleAPICalled") return true;
    if (method !== "Log.entryAdded") return false;
    const { source, url = "" } = params.entry as { source: string; url?: string };
    return !(source === "network" && url.startsWith(`${origin}/`));
  }).map(({ params }) => JSON.stringify(params));
}

async function look(tab: Tab, scheme: string, width: number, height: number): Promise<void> {
  await tab.send("Emulation.setDeviceMetricsOverride", {
    width,
    height,
    deviceScaleFactor: 1,
    mobile: width < 500,
  });
  await tab.send("Emulation.setEmulatedMedia", {
    features: [{ name: "prefers-color-scheme", value: scheme }, {
      name: "prefers-reduced-motion",
      value: "reduce",
    }],
  });
}

/** What is seen, light and dark, on a wide screen, on half of one and on a phone. */
async function checkLooks(t: Deno.TestContext, tab: Tab): Promise<void> {
  const grounds = new Set<string>();
  for (const scheme of ["light", "dark"]) {
    for (const [width, height] of [[1200, 1000], [800, 1000], [320, 640]] as const) {
      await t.step(`${scheme}, ${width} pixels wide: all is readable and in its place`, async () => {
        await look(tab, scheme, width, height);
        const folder = Deno.env.get("SCREENSHOTS");
        if (folder !== undefined) {
          await Deno.writeFile(`${folder}/status-${scheme}-${width}.png`, await tab.screenshot());
        }
        const { overflow, ground, texts } = await tab.evaluate<Looks>(LOOKS);
        ok(overflow <= 0, `it is ${overflow} pixels too wide`);
        for (const { what, contrast } of texts) {
          ok(contrast >= 4.5, `${what} has a contrast of ${contrast.toFixed(2)}`);
        }
        ok(texts.length > 100, `only ${texts.length} texts`);
        grounds.add(ground);
      });
    }
  }
  await look(tab, "light", 1200, 1000);
  await t.step("light and dark differ, and a screen reader finds a table and headings", async () => {
    strictEqual(grounds.size, 2);
    for (const width of [1200, 320]) {
      await look(tab, "light", width, 1000);
      const { nodes } = await tab.send("Accessibility.getFullAXTree") as unknown as {
        nodes: { ignored: boolean; role?: { value: string }; name?: { value: string } }[];
      };
      const roles = nodes.filter(({ ignored }) => !ignored).map(({ role }) => role?.value);
      const count = (role: string) => roles.filter((it) => it === role).length;
      strictEqual(count("main"), 1);
      strictEqual(count("table"), 1);
      strictEqual(count("rowheader"), NASTY.length, "each row is named by its upstream");
      strictEqual(count("columnheader"), 10);
      strictEqual(count("log"), 1);
      ok(count("heading") >= 5);
    }
    await look(tab, "light", 1200, 1000);
  });
}

interface Looks {
  readonly overflow: number;
  readonly ground: string;
  readonly texts: readonly { readonly what: string; readonly contrast: number }[];
}

// The contrast of WCAG 2.2, of each element with a text of its own against what is behind it.
const LOOKS = `(() => {
  const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = numbers(color).map((part) => part / 255).map((part) =>
      part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const color = getComputedStyle(element).backgroundColor;
    return (numbers(color)[3] ?? 1) > 0 ? color : behind(element.parentElement);
  };
  const contrast = (element, ink) => {
    const [a, b] = [getComputedStyle(element)[ink], behind(element)].map(luminance);
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const hasText = (element) => [...element.childNodes].some((it) => it.nodeType === 3 && it.data.trim() !== "");
  const isSeen = (element) => element.checkVisibility() && element.closest(".unseen, noscript, script, style") === null;
  return {
    overflow: document.documentElement.scrollWidth - innerWidth,
    ground: getComputedStyle(document.documentElement).backgroundColor,
    texts: [...document.body.querySelectorAll("*")].filter((it) => hasText(it) && isSeen(it)).map((it) => ({
      what: it.textContent.slice(0, 60),
      contrast: contrast(it, it instanceof SVGElement ? "fill" : "color"),
    })),
  };
})()`;

/** So many who listen to the events. */
async function listeners(url: string, count: number): Promise<AsyncDisposable> {
  const open: EventReader[] = [];
  for (const start = performance.now(); open.length < count;) {
    const response = await fetch(`${url}events`);
    if (response.status === 200) open.push(createEventReader(response.body!));
    else {
      await response.body?.cancel();
      // The server has yet to see that the tab has gone.
      ok(performance.now() - start < 10_000, "no place became free");
    }
  }
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all(open.map((events) => events.cancel()));
    },
  };
}

/** Removes the folder of a program that is ending. */
async function removeSoon(folder: string): Promise<void> {
  for (let left = 100;; left--) {
    try {
      return await Deno.remove(folder, { recursive: true });
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
