/* Unpack, then fill one section after another, so that the first screen is never kept waiting. */
"use strict";

O.sections = {
  leaderboard: O.leaderboard,
  race: O.race,
  convergence: (place) => O.curves(place, () => true, "No trace was kept: there is nothing to draw by step."),
  sensitivity: O.sensitivity,
  profiles: O.profiles,
  budget: O.budget,
  schedules: O.schedules,
  networks: (place) => O.curves(place, (setting) => O.data.settings[setting].judged !== "gap", "No network, and nothing else without a known minimum, was traced here."),
  losses: O.losses,
  throughput: O.throughput,
  memory: O.memory,
};

O.fill = async () => {
  document.getElementById("theme").addEventListener("click", () => O.setTheme(O.theme() === "dark" ? "light" : "dark"));
  await O.load();
  for (const pick of document.querySelectorAll(".pick")) pick.textContent = O.name(pick.dataset.optimizer);
  for (const [name, fill] of Object.entries(O.sections)) {
    fill(document.querySelector(`[data-section="${name}"]`));
    await new Promise((done) => { setTimeout(done); });
  }
  document.getElementById("drawer").addEventListener("click", (event) => { if (event.target.id === "drawer") event.target.close(); });
  document.documentElement.dataset.ready = "yes";
  setTimeout(O.plotly, 500); // for whoever prints before scrolling
};

/* The section in view is the one that the bar marks. */
const marks = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const link = document.querySelector(`#nav a[href="#${entry.target.id}"]`);
    if (!link) continue;
    if (entry.isIntersecting) {
      document.querySelectorAll("#nav [aria-current]").forEach((other) => other.removeAttribute("aria-current"));
      link.setAttribute("aria-current", "true");
      const bar = link.closest("nav");
      bar.scrollLeft = link.offsetLeft - bar.clientWidth / 2;
    }
  }
}, { rootMargin: "-20% 0px -75% 0px" });
document.querySelectorAll("main > section").forEach((section) => marks.observe(section));

O.fill();
