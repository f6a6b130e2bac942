/* All about one run: its rate, arguments, seed, timings, how it ended, and the command that makes it again. */
"use strict";

const pythonText = (text) => `'${String(text).replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\n", "\\n")}'`;

/* The one line for a shell; quotes of the shell are doubled around each of its own. */
O.commandOf = (run) => {
  const start = /^[[(]/.test(run.start) ? `(${run.start.replace(/[[\]()]/g, "")})` : pythonText(run.start);
  const given = [
    pythonText(run.problem), pythonText(run.optimizer), pythonText(run.schedule), `lr=${run.lr}`, `seed=${run.seed}`,
    `start=${start}`, `steps=${run.steps}`, `dtype=${pythonText(run.dtype)}`,
  ];
  if (run.again === "free") given.push("horizon='free'");
  const more = run.engine === "single" ? "" : ", engine='single'";
  const code = `import optiscope as osc; print(osc.run(osc.grid(${given.join(", ")})${more}).runs.T.to_string())`;
  return `python -c "${code.replace(/[\\"$`!]/g, "\\$&")}"`;
};

O.showRun = (run, place) => {
  let given = {};
  try { given = JSON.parse(run.hyperparameters); } catch { given = { arguments: run.hyperparameters }; }
  const flat = (values) => Object.entries(values ?? {}).map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(", ") || "defaults";
  const lost = run.status === "diverged" || run.status === "error";
  const facts = [
    ["Run", run.run_id], ["Problem", run.problem], ["Optimizer", run.optimizer], ["Arguments", flat(given.optimizer)],
    ["Schedule", run.schedule], ["Arguments of the schedule", flat(given.schedule)], ["lr", run.lr], ["Seed", run.seed],
    ["Start", run.start], ["Steps", `${O.number(run.steps_done)} of ${O.number(run.steps)}`], ["dtype", run.dtype],
    ["Device", run.device], ["Engine", run.engine], ["Ended", run.ended || (lost ? `${run.status} after step ${run.steps_done}` : run.status)],
    ["Loss at the start", O.number(run.loss_start)], ["Loss at the end", O.number(run.loss_final)],
    ["Best loss", `${O.number(run.loss_best)} at step ${O.number(run.step_best)}`],
    ["Gradient evaluations", O.number(run.grad_evals)],
    ["Seconds", run.engine === "single" ? O.number(run.wall_s) : "– (stepped together with others)"],
  ];
  if (run.engine === "single" && run.steps_done > 0) facts.push(["ms a step", O.number((1000 * run.wall_s) / run.steps_done)]);
  for (const [name, value] of Object.entries(run)) {
    if (name.endsWith("_final") && name !== "loss_final" && !Number.isNaN(value)) facts.push([name.replace("_final", " at the end").replace("_", " "), O.number(value)]);
  }
  if (run.notes) facts.push(["Notes", run.notes]);
  if (run.error) facts.push(["Error", run.error]);
  place.replaceChildren(
    O.el("h3", { text: `${O.pair(run.optimizer, run.schedule)}, seed ${run.seed}` }),
    O.el("dl", { class: "facts" }, ...facts.map(([name, value]) => O.el("div", {}, O.el("dt", { text: name }), O.el("dd", { text: value })))),
    O.el("h3", { text: "Make it again" }),
    run.again && run.again !== "free" ? O.none(run.again) : commandBox(O.commandOf(run)));
};

const commandBox = (command) => {
  const said = O.el("span", { class: "muted", role: "status" });
  const copy = O.el("button", {
    type: "button", class: "tool", text: "Copy",
    onclick: async () => {
      try { await navigator.clipboard.writeText(command); said.textContent = " copied"; } catch {
        getSelection().selectAllChildren(box);
        said.textContent = " selected: copy it with the keyboard";
      }
    },
  });
  const box = O.el("pre", { class: "code command" }, O.el("code", { text: command }));
  return O.el("div", {}, box, copy, said);
};
