/**
 * The person's side in a real Chromium: it is opened through `$BROWSER`, signs in at a server on this machine with a
 * form, comes back, waits for the exchange and shows the page.
 */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { createBrowserUser } from "../../../src/oauth/browser/browser_user.ts";
import { createBrowserOpener, type OpenBrowser } from "../../../src/oauth/browser/open_browser.ts";
import { chromiumFlags, connectChromium, findChromium, type Tab } from "../../support/chromium.ts";

const chromium = findChromium();
const never = new AbortController().signal;

Deno.test("a person signs in with Chromium", {
  // Only Linux is made sure to have one.
  ignore: chromium === undefined && Deno.build.os !== "linux",
}, async (t) => {
  ok(chromium !== undefined, "there is no Chromium; install the package chromium");
  const profile = await Deno.makeTempDir({ prefix: "chromium-" });
  await using authorization = startAuthorizationServer();
  const started: Deno.ChildProcess[] = [];
  const openBrowser = createBrowserOpener({
    started: (program) => started.push(program),
    surroundings: {
      os: Deno.build.os,
      env: (name) =>
        name === "BROWSER"
          ? [chromium, ...chromiumFlags(profile)].map((it) => `'${it}'`).join(" ")
          : undefined,
      isFile: () => false,
    },
    patienceMs: 100,
  });
  const options = { mode: "open", server: "mcp.example.com", say: () => {} } as const;

  await using redirect = await createBrowserUser({ ...options, openBrowser }).listen(never);
  redirect.show(authorization.url(redirect.uri, "state-1"));
  const answer = redirect.answer("state-1", never);
  const browser = await connectChromium(profile);
  try {
    const tab = await browser.tab((url) => url.startsWith(authorization.origin));
    await tab.send("Network.enable");
    await tab.send("Log.enable");
    await tab.until("document.querySelector('button') !== null");

    await t.step("what a page does behind the person's back is no answer", async () => {
      const target = `${redirect.uri}?code=evil&state=state-1`;
      const outcome = await tab.evaluate(`(async () => {
        await fetch("${target}", { mode: "no-cors" });
        const read = await fetch("${target}").then(() => "read", () => "not read");
        const shown = await new Promise((resolve) => {
          const image = new Image();
          image.onload = () => resolve("shown");
          image.onerror = () => resolve("not shown");
          image.src = "${target}";
        });
        const open = await new Promise((resolve) => {
          const socket = new WebSocket("${target}".replace("http", "ws"));
          socket.onopen = () => resolve("open");
          socket.onerror = () => resolve("not open");
        });
        return [read, shown, open].join();
      })()`);
      strictEqual(outcome, "not read,not shown,not open");
    });

    await t.step("nothing is shown until the exchange is over", async () => {
      await tab.evaluate("document.querySelector('button').click()");
      strictEqual((await answer).get("code"), "good");
      strictEqual(await tab.title(), "Sign in at the server");
      redirect.done({ ok: true });
      await tab.until("document.title.startsWith('You’re signed in')");
      strictEqual(await tab.evaluate("document.querySelector('h1').textContent"), "You’re signed in");
    });

    await t.step("the page loads nothing, and breaks no rule of its own", () => {
      const own = tab.events.filter(({ method, params }) =>
        method === "Network.requestWillBeSent" &&
        String(params.documentURL).startsWith(redirect.uri) &&
        !String((params.request as { url: string }).url).startsWith("data:")
      ).map(({ params }) => (params.request as { url: string }).url);
      deepStrictEqual(own.map((url) => url.split("?")[0]), [redirect.uri]);
      const complaints = tab.events.filter(({ method, params }) =>
        method === "Log.entryAdded" && /Content Security Policy/.test(JSON.stringify(params))
      );
      deepStrictEqual(complaints, []);
    });

    await checkLooks(t, tab, "success");

    await t.step("a page whose name was rebound to this address reads nothing", async () => {
      const { port, pathname } = new URL(redirect.uri);
      await tab.send("Page.navigate", {
        url: `http://rebound.example:${port}${pathname}?code=evil&state=state-1`,
      });
      await tab.until("location.host.startsWith('rebound')");
      match(await tab.evaluate("document.body.textContent"), /its own name only/);
    });

    // The second person's browser is the same one.
    const visit: OpenBrowser = async (url) => {
      await tab.send("Page.navigate", { url });
      return { ok: true, by: "chromium" };
    };
    await using second = await createBrowserUser({ ...options, openBrowser: visit }).listen(never);
    second.show(authorization.url(second.uri, "state-2"));
    const refused = second.answer("state-2", never);
    await tab.until("document.querySelector('button') !== null && location.search.includes('state-2')");
    await tab.evaluate("document.querySelector('button').click()");
    await refused;
    const why = `The server said: <script>document.title = "hacked"</script><style>h1 { color: red }</style>${
      "w".repeat(200)
    }`;
    second.done({ ok: false, why });

    await t.step("the person sees what went wrong, as text", async () => {
      await tab.until("document.title.startsWith('That didn’t work')");
      strictEqual(await tab.evaluate("document.querySelector('.detail').textContent"), why);
      strictEqual(await tab.evaluate("document.querySelectorAll('script').length"), 0);
    });
    await checkLooks(t, tab, "failure");
  } finally {
    await browser[Symbol.asyncDispose]();
    await Promise.all(started.map(({ status }) => status));
    await removeSoon(profile);
  }
});

/** What is seen of a page, light and dark, on a wide screen and on a phone. */
async function checkLooks(t: Deno.TestContext, tab: Tab, name: string): Promise<void> {
  const grounds: string[] = [];
  for (const scheme of ["light", "dark"]) {
    for (const [width, height] of [[1000, 760], [320, 640]] as const) {
      await t.step(`${name}, ${scheme}, ${width} pixels wide: all is readable and in its place`, async () => {
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
        const folder = Deno.env.get("SCREENSHOTS");
        if (folder !== undefined) {
          await Deno.writeFile(`${folder}/${name}-${scheme}-${width}.png`, await tab.screenshot());
        }
        const looks = await tab.evaluate<Looks>(LOOKS);
        ok(looks.overflow <= 0, `it is ${looks.overflow} pixels too wide`);
        for (const { what, contrast } of looks.texts) {
          ok(contrast >= 4.5, `${what} has a contrast of ${contrast.toFixed(2)}`);
        }
        ok(looks.texts.length >= 3);
        if (!grounds.includes(looks.ground)) grounds.push(looks.ground);
      });
    }
  }
  await t.step(
    `${name} differs between light and dark, and has one heading within its main part`,
    async () => {
      strictEqual(grounds.length, 2);
      const { nodes } = await tab.send("Accessibility.getFullAXTree") as unknown as {
        nodes: { ignored: boolean; role?: { value: string }; name?: { value: string } }[];
      };
      const roles = nodes.filter(({ ignored }) => !ignored).map(({ role }) => role?.value);
      strictEqual(roles.filter((role) => role === "main").length, 1);
      strictEqual(roles.filter((role) => role === "heading").length, 1);
      ok(!roles.includes("image"), "the sign is read out, which says nothing more than the heading");
    },
  );
}

interface Looks {
  readonly overflow: number;
  readonly ground: string;
  readonly texts: readonly { readonly what: string; readonly contrast: number }[];
}

// The contrast of WCAG 2.2, of each text against what is behind it.
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
  const contrast = (element) => {
    const [a, b] = [getComputedStyle(element).color, behind(element)].map(luminance);
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  return {
    overflow: document.documentElement.scrollWidth - innerWidth,
    ground: getComputedStyle(document.body).backgroundColor,
    texts: [...document.querySelectorAll("h1, p, footer")].map((it) => ({ what: it.textContent, contrast: contrast(it) })),
  };
})()`;

/** A server where one signs in with a form, and is sent back from the answer to a POST. */
function startAuthorizationServer() {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/authorize") {
      return new Response(
        "<!DOCTYPE html><title>Sign in at the server</title><form method=post " +
          `action="/consent?${
            searchParams.toString().replaceAll("&", "&amp;")
          }"><button>Allow</button></form>`,
        { headers: { "content-type": "text/html; charset=utf-8" } },
      );
    }
    if (pathname !== "/consent") return new Response("", { status: 404 });
    const back = new URL(searchParams.get("redirect_uri")!);
    back.searchParams.set("code", "good");
    back.searchParams.set("state", searchParams.get("state")!);
    return new Response(null, { status: 302, headers: { location: back.href } });
  });
  const origin = `http://127.0.0.1:${server.addr.port}`;
  return {
    origin,
    url: (redirectUri: string, state: string) =>
      `${origin}/authorize?${new URLSearchParams({ client_id: "c", redirect_uri: redirectUri, state })}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
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
