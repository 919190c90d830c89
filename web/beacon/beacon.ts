// beacon.js: what a page tells about its views (docs/beacons.md). It sets no cookie, keeps nothing in the
// browser and sends nothing that tells one visitor from another.

type Props = Record<string, string | number | boolean>;

interface Options {
  props?: Props;
  /** The address to count instead of that of the page. */
  u?: string;
  /** Called when the event is stored, or given up. */
  callback?: (result: { status?: number }) => void;
}

type Call = [name: string, options?: Options];
type Track = ((...call: Call) => void) & { q?: ArrayLike<unknown>[] };

interface Waiting {
  event: Record<string, unknown>;
  done?: Options["callback"];
}

interface Window {
  cask?: Track;
  plausible?: Track;
}

((): void => {
  const WAITING_MAX = 50; // events that are kept for another try
  const BATCH_MAX = 20;
  const PAUSE_MAX = 60_000;
  const KEPT_MAX = 20_000; // characters, of the 64 KiB that browsers send for a page that was left
  const DOWNLOADS =
    "pdf zip gz tgz bz2 tbz xz 7z rar tar exe msi dmg pkg deb rpm apk iso img jar war doc docx xls xlsx ppt " +
    "pptx odt ods odp csv epub mobi mp3 ogg wav flac mp4 m4v avi mov mkv webm";

  const script = (document.currentScript ||
    document.querySelector("script[data-domain]")) as HTMLScriptElement | null;
  if (!script) return;
  const data = script.dataset;
  const is = (name: string): boolean => data[name] !== undefined && data[name] !== "false";
  const api = data.api || new URL("api/event", script.src).href;
  const domain = data.domain || location.hostname;
  const extensions = (data.extensions || DOWNLOADS).split(/[ ,]+/);
  const dnt = navigator as Navigator & { globalPrivacyControl?: boolean };
  const silent =
    (is("dnt") && (dnt.globalPrivacyControl || dnt.doNotTrack === "1")) ||
    (!is("local") &&
      (/^(localhost|127(\.\d+){3}|\[::1?\]|)$/.test(location.hostname) || navigator.webdriver));

  // --- sending: in order, what fails is tried again with its id, so that nothing counts twice ---

  const waiting: Waiting[] = [];
  let sending = 0; // of the first ones
  let sent = 0; // of the first ones, at least once
  let alone = 0; // of the first ones: a batch of them was refused
  let pause = 1000;
  let timer: number | undefined;

  const body = (list: Waiting[]): string =>
    JSON.stringify(list.length > 1 ? list.map((w) => w.event) : list[0]?.event);

  const finish = (status?: number): void => {
    const done = waiting.splice(0, sending);
    sent -= sending;
    sending = 0;
    if (alone) alone--;
    for (const w of done) w.done?.({ status });
  };

  const send = (): void => {
    clearTimeout(timer);
    if (sending || !waiting.length) return;
    const batch = waiting.slice(0, alone ? 1 : BATCH_MAX);
    const text = body(batch);
    sending = batch.length;
    sent = Math.max(sent, sending);
    const later = (): void => {
      sending = 0;
      timer = setTimeout(send, pause);
      pause = Math.min(2 * pause, PAUSE_MAX);
    };
    fetch(api, {
      method: "POST",
      headers: { "Content-Type": "text/plain" }, // asks no permission first, as JSON would
      keepalive: text.length < KEPT_MAX, // goes on when the page is left; longer ones are refused
      credentials: "omit",
      body: text,
    }).then(({ status }) => {
      if (status === 429 || status >= 500) {
        later();
        return;
      }
      if (status >= 400 && batch.length > 1) {
        alone = batch.length; // one is bad, or all are too much: which one?
        sending = 0;
      } else finish(status);
      pause = 1000;
      send();
    }, later);
  };

  // The page may never come back: hand over what still waits. What was sent before has the same id and may be on its
  // way; a batch with such an event is refused as a whole, so others are not sent with it.
  const flush = (): void => {
    const list = waiting.slice();
    for (const part of [list.splice(0, sending), list.splice(0, sent - sending), list])
      while (part.length) navigator.sendBeacon?.(api, body(part.splice(0, BATCH_MAX)));
    sent = waiting.length;
  };

  const track: Track = (name, options = {}) => {
    if (silent || !name) {
      options.callback?.({});
      return;
    }
    const event: Record<string, unknown> = {
      n: name,
      u: options.u || location.href,
      d: domain,
      r: referrer || undefined,
      id: Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("-"),
      ts: Date.now(),
      p: options.props,
    };
    if (waiting.length < WAITING_MAX) waiting.push({ event, done: options.callback });
    send();
  };

  // --- page views ---

  const hash = is("hash");
  const page = (): string => (hash ? location.href : location.pathname);
  let referrer = document.referrer;
  let last: string | undefined; // the page that was counted
  let address = "";

  const view = (): void => {
    if (page() === last) return;
    if (last !== undefined) referrer = address;
    last = page();
    address = location.href;
    track("pageview");
  };

  // A page that is rendered ahead, or in a tab behind, is seen later or never.
  const whenSeen = (then: () => void): void => {
    const early = (document as Document & { prerendering?: boolean }).prerendering;
    if (!early && document.visibilityState !== "hidden") {
      then();
      return;
    }
    const again = (): void => {
      if (document.visibilityState === "hidden") return;
      document.removeEventListener("visibilitychange", again);
      then();
    };
    document.addEventListener(early ? "prerenderingchange" : "visibilitychange", again);
  };

  const watchPages = (): void => {
    for (const name of ["pushState", "replaceState"] as const) {
      const original = history[name];
      history[name] = function (...args): void {
        original.apply(this, args);
        view();
      };
    }
    addEventListener("popstate", view);
    if (hash) addEventListener("hashchange", view);
    addEventListener("pageshow", (e) => {
      if (!e.persisted) return;
      last = undefined; // out of the cache of the browser: seen again
      view();
    });
    whenSeen(view);
  };

  // --- links ---

  const onClick = (e: MouseEvent): void => {
    if (e.type === "auxclick" && e.button !== 1) return;
    const link = (e.target as Element | null)?.closest?.<HTMLAnchorElement>("a[href]");
    if (!link || !/^https?:$/.test(link.protocol)) return;
    const url = link.href;
    const extension = /\.(\w+)$/.exec(link.pathname)?.[1]?.toLowerCase();
    if (data.downloads !== "false" && extension && extensions.includes(extension))
      track("File Download", { props: { url } });
    else if (data.outbound !== "false" && link.host !== location.host)
      track("Outbound Link: Click", { props: { url } });
  };

  // --- start ---

  for (const name of ["cask", "plausible"] as const) {
    const queue = window[name]?.q || [];
    window[name] = track;
    for (const call of Array.from(queue)) track(...(Array.from(call) as Call));
  }
  if (silent) return;
  document.addEventListener("click", onClick, true);
  document.addEventListener("auxclick", onClick, true);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") flush();
  });
  addEventListener("pagehide", flush);
  addEventListener("online", send);
  if (!is("manual")) watchPages();
})();
