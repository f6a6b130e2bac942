/* The race: which runs meet, and the clock that they run by. What is drawn is the stage's. */
"use strict";

O.SECONDS = 10;

O.race = (place) => {
  const grounds = O.data.grounds;
  if (!grounds.length) return place.append(O.none("No run left positions in two dimensions: a race needs traced runs of a function of two coordinates."));
  const state = { ground: grounds[0], seed: undefined, entries: [], time: 0, last: 1, clock: "log", playing: false };
  const tools = O.el("div", { class: "tools" });
  const stage = O.stage();
  const field = O.el("div", { class: "scroll" });
  const play = O.el("button", { type: "button", class: "tool main", text: "Play", onclick: () => toggle() });
  const slider = O.el("input", { type: "range", min: 0, max: 1000, value: 0, step: 1, "aria-label": "Step of the race", oninput: () => { pause(); at(timeOf(Number(slider.value) / 1000)); } });
  const told = O.el("output", { text: "step 0" });
  const player = O.el("div", { class: "player" }, play, slider, told);
  O.raceState = state;

  /* Time out of the share of the film that has passed, and back. */
  const timeOf = (share) => (state.clock === "log" ? Math.expm1(share * Math.log1p(state.last)) : share * state.last);
  const shareOf = (time) => (state.clock === "log" ? Math.log1p(time) / Math.log1p(state.last) : time / state.last);

  const at = (time) => {
    state.time = Math.min(time, state.last);
    slider.value = Math.round(1000 * shareOf(state.time));
    const step = Math.floor(state.time + 1e-9);
    slider.setAttribute("aria-valuetext", `step ${step} of ${state.last}`);
    told.textContent = `step ${step} / ${state.last}`;
    stage.at(state.time);
    for (const entry of state.entries) if (entry.read) entry.read.textContent = reading(entry);
  };

  const reading = (entry) => {
    if (!entry.run) return "not run";
    if (state.time >= state.last && entry.run.ended) return `${O.number(O.gapOf(entry.run, entry.run.loss_final))}, ${entry.run.ended}`;
    const path = entry.path;
    const i = O.before(path.step, state.time);
    const gone = state.time > path.step[path.step.length - 1] && ["diverged", "error"].includes(entry.run.status);
    return gone ? "diverged" : O.number(O.gapOf(entry.run, path.loss[i]));
  };

  let begun = 0;
  const tick = (now) => {
    if (!state.playing) return;
    const share = (now - begun) / (1000 * O.SECONDS);
    at(timeOf(Math.min(share, 1)));
    if (share >= 1) pause();
    else requestAnimationFrame(tick);
  };
  const pause = () => { state.playing = false; play.textContent = "Play"; };
  const toggle = () => {
    if (state.playing) return pause();
    if (state.time >= state.last) at(0);
    state.playing = true;
    play.textContent = "Pause";
    begun = performance.now() - 1000 * O.SECONDS * shareOf(state.time);
    requestAnimationFrame(tick);
  };
  place.closest("section").addEventListener("keydown", (event) => {
    const typing = ["BUTTON", "SELECT", "SUMMARY"].includes(event.target.tagName) || event.target.type === "checkbox";
    if (event.key !== " " || typing) return;
    event.preventDefault();
    toggle();
  });

  const runs = () => O.frames.runs.rows({ setting: state.ground.setting }).filter((run) => run.first >= 0);
  const unique = (rows, key) => [...new Set(rows.map((row) => row[key]))];

  /* Every optimizer at its best schedule and the rate that it is shown at; the names of a race go best first. */
  const begin = (ground, seed) => {
    pause();
    state.ground = ground;
    const all = runs();
    const seeds = unique(all, "seed").sort((a, b) => a - b);
    state.seed = seeds.includes(seed) ? seed : seeds[0];
    const ranked = O.bestFirst(ground.setting);
    state.entries = [...O.groups(ranked, (row) => row.optimizer)].map(([optimizer, own], i) => ({ optimizer, schedule: own[0].schedule, lr: undefined, on: i < 10 }));
    settle();
    draw();
  };

  /* The run of each entry: at the rate asked for, else the shown one, else any. */
  const settle = () => {
    const all = runs().filter((run) => run.seed === state.seed);
    for (const entry of state.entries) {
      entry.runs = all.filter((run) => run.optimizer === entry.optimizer);
      const schedules = unique(entry.runs, "schedule");
      if (!schedules.includes(entry.schedule)) entry.schedule = schedules[0];
      const own = entry.runs.filter((run) => run.schedule === entry.schedule);
      const shown = O.frames.board.rows({ setting: state.ground.setting, optimizer: entry.optimizer, schedule: entry.schedule })[0];
      entry.run = own.find((run) => run.lr === entry.lr) ?? own.find((run) => shown && Math.abs(Number(run.lr) - shown.lr) <= 1e-5 * shown.lr) ?? own[0];
      entry.lr = entry.run?.lr;
      entry.path = entry.run && O.path(entry.run);
    }
    state.last = Math.max(1, ...state.entries.filter((entry) => entry.run).map((entry) => entry.run.steps));
  };

  const change = () => { settle(); draw(); };

  const draw = () => {
    const all = runs();
    const seeds = unique(all, "seed").sort((a, b) => a - b);
    const schedules = O.data.looks.order.filter((name) => all.some((run) => run.schedule === name));
    tools.replaceChildren(
      O.select("Problem", grounds.map((ground, i) => [i, ground.name]), grounds.indexOf(state.ground), (i) => begin(grounds[Number(i)], state.seed)),
      O.select("Start (seed)", seeds.map((seed) => [seed, seed]), state.seed, (seed) => { state.seed = Number(seed); change(); }),
      O.select("Schedule of all", [["", "each its own"], ...schedules.map((name) => [name, name])], "", (name) => {
        const best = O.bestFirst(state.ground.setting);
        for (const entry of state.entries) { entry.schedule = name || best.find((row) => row.optimizer === entry.optimizer).schedule; entry.lr = undefined; }
        change();
      }),
      O.select("Clock", [["log", "logarithmic"], ["linear", "linear"]], state.clock, (clock) => { state.clock = clock; at(state.time); if (state.playing) { pause(); toggle(); } }));
    field.replaceChildren(O.el("table", { class: "field", "aria-label": "Who runs" },
      O.el("thead", {}, O.el("tr", {}, ...["Optimizer", "Schedule", "lr", "Gap now"].map((words) => O.el("th", { scope: "col", text: words })))),
      O.el("tbody", {}, ...state.entries.map(row))));
    stage.show(state.ground, state.entries.filter((entry) => entry.on && entry.path), state.last);
    at(state.time);
  };

  const row = (entry) => {
    const box = O.el("input", { type: "checkbox", checked: entry.on, "aria-label": `Show ${O.name(entry.optimizer)}`, onchange: () => { entry.on = box.checked; stage.show(state.ground, state.entries.filter((one) => one.on && one.path), state.last); at(state.time); } });
    entry.read = O.el("button", { type: "button", class: "num", disabled: !entry.run, onclick: () => runOf(entry) });
    const rates = unique(entry.runs.filter((run) => run.schedule === entry.schedule), "lr").sort((a, b) => a - b);
    const plain = (label) => label.querySelector("select");
    const schedule = plain(O.select("", unique(entry.runs, "schedule").map((name) => [name, name]), entry.schedule, (name) => { entry.schedule = name; entry.lr = undefined; change(); }));
    const lr = plain(O.select("", rates.map((rate) => [rate, O.number(Number(rate))]), entry.lr, (rate) => { entry.lr = rate; change(); }));
    schedule.setAttribute("aria-label", `Schedule of ${O.name(entry.optimizer)}`);
    lr.setAttribute("aria-label", `Rate of ${O.name(entry.optimizer)}`);
    return O.el("tr", {},
      O.el("td", {}, O.el("label", {}, box, O.who(entry.optimizer))),
      O.el("td", {}, schedule), O.el("td", {}, lr), O.el("td", { class: "n" }, entry.read));
  };

  place.append(tools, player, stage.element, field);
  O.themed.push(() => draw());
  begin(grounds[0]);
};
