// A page that waits says where its state can be asked. When the state is another than the page was
// made for, the page is loaded again. Without scripts the page loads itself again now and then.
const place = document.querySelector("[data-wait]");
if (place) {
  const ask = async () => {
    try {
      const answer = await fetch(place.dataset.wait, { cache: "no-store", credentials: "same-origin" });
      if (answer.ok && (await answer.json()).state === place.dataset.state) {
        setTimeout(ask, 1000);
        return;
      }
      location.reload();
    } catch {
      setTimeout(ask, 3000);
    }
  };
  setTimeout(ask, 800);
}
