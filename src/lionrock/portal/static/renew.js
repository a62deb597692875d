// A page with a code to scan takes a fresh code every few seconds, in place, so that nobody who
// reads or uses the page is interrupted (WCAG 2.2.1). When the code is gone (scanned, or out of time), the page is
// loaded again. Without scripts the page loads itself again.
const seconds = Number(document.querySelector("main[data-renew]").dataset.renew);
const parts = ["img[data-content]", "a[data-app]", "a[data-web]"];
let turns = 0;
const renew = async () => {
  try {
    const answer = await fetch(location.href, { cache: "no-store", credentials: "same-origin" });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!answer.ok || answer.redirected || !fresh.querySelector(parts[0])) {
      location.reload();
      return;
    }
    turns += 1;
    for (const part of parts) {
      const [mine, theirs] = [document.querySelector(part), fresh.querySelector(part)];
      if (!mine || !theirs) continue;
      for (const { name, value } of theirs.attributes) {
        if (name !== "src") mine.setAttribute(name, value);
      }
      if (mine.localName !== "img") continue;
      const source = theirs.getAttribute("src");
      mine.src = source.startsWith("data:") ? source : `${source}?turn=${turns}`;
    }
  } catch {
    // The next turn tries again.
  }
  setTimeout(renew, seconds * 1000);
};
setTimeout(renew, seconds * 1000);
