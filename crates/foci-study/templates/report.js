// Progressive only: the page says everything without this.
document.documentElement.classList.add("script");
for (const image of document.querySelectorAll("img.blink")) {
  const original = document.getElementById(image.dataset.original);
  if (!original) continue;
  const own = image.src;
  const description = image.alt;
  const swap = () => {
    const showOriginal = image.getAttribute("aria-pressed") !== "true";
    image.src = showOriginal ? original.src : own;
    image.alt = showOriginal ? original.alt : description;
    image.setAttribute("aria-pressed", String(showOriginal));
    image.closest("figure").classList.toggle("swapped", showOriginal);
  };
  image.tabIndex = 0;
  image.setAttribute("role", "button");
  image.setAttribute("aria-pressed", "false");
  image.addEventListener("click", swap);
  image.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      swap();
    }
  });
}
// What is folded on a screen is open on paper.
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details:not([open])")) {
    folded.open = true;
    folded.dataset.folded = "";
  }
});
addEventListener("afterprint", () => {
  for (const opened of document.querySelectorAll("details[data-folded]")) {
    opened.open = false;
    delete opened.dataset.folded;
  }
});
