import { neutralise } from "../../telemetry/neutralise.ts";
import type { CallbackPage } from "./callback_server.ts";
import type { CallbackResponse } from "./http_connection.ts";

/** What every page knows. */
export interface PageFrame {
  /** The server that is signed in to, as the person knows it. */
  readonly server: string;
  /** What allows the page's own style; new for each page. */
  readonly nonce: string;
}

/** The words of a page. */
interface Words {
  readonly status: number;
  readonly reason: string;
  readonly mood: "good" | "bad" | "calm";
  readonly title: string;
  /** HTML. */
  readonly text: string;
  /** HTML; what the server, or the network, said. */
  readonly detail?: string;
  /** HTML. */
  readonly next: string;
}

const LONGEST_DETAIL = 600;

/**
 * Makes the page that the person sees after the sign-in. It needs no script, loads nothing, and may not: whatever of
 * the server's text got past the escaping would be text still.
 */
export function renderPage(page: CallbackPage, frame: PageFrame): CallbackResponse {
  const words = wordsOf(page, escape(neutralise(frame.server)));
  return {
    status: words.status,
    reason: words.reason,
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": [
        "default-src 'none'",
        `style-src 'nonce-${frame.nonce}'`,
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
      ].join("; "),
      "X-Content-Type-Options": "nosniff",
      "X-Frame-Options": "DENY",
      // The address holds the authorization code.
      "Referrer-Policy": "no-referrer",
      "Cache-Control": "no-store",
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Resource-Policy": "same-origin",
    },
    body: html(words, frame.nonce),
  };
}

function wordsOf(page: CallbackPage, server: string): Words {
  const close = "You can close this tab.";
  const name = `<bdi>${server}</bdi>`;
  if (page === "used") {
    return {
      status: 410,
      reason: "Gone",
      mood: "calm",
      title: "Already used",
      text: `This answer has been taken before, and works only once.`,
      next: `If you are not signed in to ${name}, start again from your app.`,
    };
  }
  if (page === "unexpected") {
    return {
      status: 400,
      reason: "Bad Request",
      mood: "calm",
      title: "Not the answer we wait for",
      text: `This page does not belong to the sign-in that is under way, so nothing was changed.`,
      next: `Use the tab that was opened last, or start again from your app.`,
    };
  }
  if (page === "late") {
    return {
      status: 410,
      reason: "Gone",
      mood: "calm",
      title: "This came too late",
      text: `Nobody waits for this sign-in any more.`,
      next: `To sign in to ${name}, start again from your app.`,
    };
  }
  if (page.ok) {
    return {
      status: 200,
      reason: "OK",
      mood: "good",
      title: "You’re signed in",
      text: `Your app can now use ${name}.`,
      next: close,
    };
  }
  return {
    status: 400,
    reason: "Bad Request",
    mood: "bad",
    title: "That didn’t work",
    text: `You are not signed in to ${name}.`,
    detail: escape(neutralise(shorten(page.why))),
    next: `${close} To try again, go back to your app.`,
  };
}

function html({ mood, title, text, detail, next }: Words, nonce: string): string {
  const reason = detail === undefined || detail === "" ? "" : `<p class="detail" dir="auto">${detail}</p>\n`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${title} · mcp-connect</title>
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(icon(mood))}">
<style nonce="${nonce}">${STYLE}</style>
</head>
<body class="${mood}">
<main>
<svg class="sign" viewBox="0 0 64 64" aria-hidden="true" focusable="false">
<circle class="disc" cx="32" cy="32" r="30"/>
<path class="stroke" pathLength="1" d="${STROKES[mood]}"/>
</svg>
<h1>${title}</h1>
<p class="text">${text}</p>
${reason}<p class="next">${next}</p>
</main>
<footer>mcp-connect</footer>
</body>
</html>
`;
}

const STROKES = {
  good: "M20 33l8.5 8.5L45 24.5",
  bad: "M32 19v16M32 43.5v.5",
  calm: "M32 20.5v.5M32 29v15",
} as const;

/** The sign in small, for the tab. */
function icon(mood: Words["mood"]): string {
  const color = { good: "#1f8a5b", bad: "#c2512f", calm: "#5b6b86" }[mood];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><circle cx="32" cy="32" r="30" fill="${color}"/>` +
    `<path d="${
      STROKES[mood]
    }" fill="none" stroke="#fff" stroke-width="6" stroke-linecap="round" stroke-linejoin="round"/></svg>`;
}

const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f4f5f2; --card: #fff; --edge: #e4e6e0; --text: #1c2321; --soft: #59635f; --well: #f6f6f3;
  --good: #1f7a52; --good-soft: #e2f3ea; --bad: #ad4527; --bad-soft: #fbeae4; --calm: #4d5d7a; --calm-soft: #e8edf5; --glow: 85%;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #121615; --card: #1a201e; --edge: #29312e; --text: #eaf0ed; --soft: #a3b0aa; --well: #141918;
    --good: #6fd3a4; --good-soft: #1d3a2e; --bad: #f2a084; --bad-soft: #43261c; --calm: #a9bddd; --calm-soft: #263246; --glow: 40%;
  }
}
* { box-sizing: border-box; margin: 0; }
body {
  min-height: 100vh; min-height: 100dvh; padding: 24px; display: flex; flex-direction: column;
  align-items: center; justify-content: center; gap: 20px;
  background: var(--ground) radial-gradient(720px 420px at 50% 0,
    color-mix(in srgb, var(--tone-soft) var(--glow), transparent), transparent) no-repeat;
  color: var(--text);
  font: 17px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, sans-serif;
  -webkit-text-size-adjust: 100%; text-align: center;
}
main {
  width: 100%; max-width: 440px; padding: 48px 40px 44px; background: var(--card); border: 1px solid var(--edge);
  border-radius: 24px; box-shadow: 0 1px 2px rgb(0 0 0 / .03), 0 18px 48px -16px rgb(0 0 0 / .12);
  overflow-wrap: anywhere;
}
.good { --tone: var(--good); --tone-soft: var(--good-soft); }
.bad { --tone: var(--bad); --tone-soft: var(--bad-soft); }
.calm { --tone: var(--calm); --tone-soft: var(--calm-soft); }
.sign { display: block; width: 72px; height: 72px; margin: 0 auto 26px; }
.disc { fill: var(--tone-soft); }
.stroke {
  fill: none; stroke: var(--tone); stroke-width: 4.5; stroke-linecap: round; stroke-linejoin: round;
}
h1 { font-size: 27px; line-height: 1.25; font-weight: 650; letter-spacing: -.015em; text-wrap: balance; }
.text { margin-top: 12px; text-wrap: balance; }
.text bdi { font-weight: 600; }
.detail {
  margin-top: 20px; padding: 14px 16px; background: var(--well); border: 1px solid var(--edge); border-radius: 12px;
  font-size: 15px; line-height: 1.5; text-align: start;
}
.next { margin-top: 20px; font-size: 15px; color: var(--soft); text-wrap: balance; }
footer { font-size: 13px; color: var(--soft); letter-spacing: .02em; }
@media (max-width: 480px) {
  body { padding: 16px; }
  main { padding: 40px 24px 36px; border-radius: 20px; }
}
@media (prefers-reduced-motion: no-preference) {
  .sign { animation: arrive .45s cubic-bezier(.2, .8, .3, 1) both; }
  .good .stroke { stroke-dasharray: 1; animation: draw .4s .25s ease-out both; }
  @keyframes arrive { from { opacity: 0; transform: scale(.82); } }
  @keyframes draw { from { stroke-dashoffset: 1; } }
}
@media (forced-colors: active) {
  .disc { fill: none; stroke: CanvasText; stroke-width: 2; }
  .stroke { stroke: CanvasText; }
}
`;

function escape(text: string): string {
  return text.replace(/[&<>"'`]/g, (char) => `&#${char.charCodeAt(0)};`);
}

function shorten(text: string): string {
  const letters = [...text.trim()];
  return letters.length <= LONGEST_DETAIL
    ? letters.join("")
    : `${letters.slice(0, LONGEST_DETAIL - 1).join("")}…`;
}
