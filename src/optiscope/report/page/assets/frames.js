/* Frames out of the packed page: columns of numbers by their place, texts by their codes. */
"use strict";

O.unpack = async (id) => {
  const text = atob(document.getElementById(id).textContent);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
};

O.load = async () => {
  const [planes, json] = await Promise.all([O.unpack("numbers-packed"), O.unpack("data-packed")]);
  const count = planes.length / 8;
  const bytes = new Uint8Array(planes.length);
  for (let plane = 0; plane < 8; plane++) {
    const first = plane * count;
    for (let i = 0; i < count; i++) bytes[8 * i + plane] = planes[first + i];
  }
  O.all = new Float64Array(bytes.buffer);
  O.data = JSON.parse(new TextDecoder().decode(json));
  O.frames = {};
  for (const [name, frame] of Object.entries(O.data.frames)) O.frames[name] = O.frame(frame);
};

O.column = (place) => O.all.subarray(place.at, place.at + place.n);

/* A frame: `n` rows, `get(name, row)`, `row(i)` as an object, `rows(where)` of those that agree, and the tests of
   whether one does, which look at codes and not at texts. */
O.frame = ({ n, columns }) => {
  const read = {};
  for (const [name, column] of Object.entries(columns)) {
    if (column.texts) {
      const codes = O.column(column.codes);
      read[name] = (i) => column.texts[codes[i]];
    } else {
      const values = O.column(column);
      read[name] = (i) => values[i];
    }
  }
  const names = Object.keys(read);
  const readers = Object.values(read);
  const row = (i) => {
    const made = { _: i };
    for (let k = 0; k < names.length; k++) made[names[k]] = readers[k](i);
    return made;
  };
  /* Whether row i holds in a column what is good. */
  const test = (name, good) => {
    if (!columns[name].texts) return (i) => good(read[name](i));
    const codes = O.column(columns[name].codes);
    const passes = columns[name].texts.map(good);
    return (i) => passes[codes[i]];
  };
  /* Whether row i agrees with `where`, a value or a list of values for each column, and passes `more` tests. */
  const agrees = (where, more = []) => {
    const asked = Object.entries(where).filter(([name, value]) => value !== undefined && value !== "" && read[name]);
    const tests = [...more, ...asked.map(([name, value]) => {
      const wanted = new Set(Array.isArray(value) ? value : [value]);
      return test(name, (own) => wanted.has(own));
    })];
    return (i) => tests.every((one) => one(i));
  };
  const places = (where) => {
    const good = agrees(where);
    const found = [];
    for (let i = 0; i < n; i++) if (good(i)) found.push(i);
    return found;
  };
  return {
    n, row, places, test, agrees,
    first: (where) => { const good = agrees(where); for (let i = 0; i < n; i++) if (good(i)) return i; return -1; },
    has: (name) => name in read,
    get: (name, i) => (read[name] ? read[name](i) : undefined),
    rows: (where = {}) => places(where).map(row),
    values: (name) => (read[name] ? [...new Set(Array.from({ length: n }, (_, i) => read[name](i)))] : []),
  };
};

/* The rows of the trace of one run, as arrays by column. */
O.path = (run) => {
  const found = {};
  if (!(run.first >= 0)) return null;
  for (const name of ["step", "loss", "lr_t", "x0", "x1"]) {
    if (!O.frames.trace.has(name)) continue;
    const column = O.column(O.data.frames.trace.columns[name]);
    found[name] = column.subarray(run.first, run.first + run.rows);
  }
  return found;
};

const FLOOR = 1e-16; // of what is drawn on a logarithmic axis

/* The gap of each row of a run's trace; for a logarithmic axis none is nought. */
O.gapOf = (run, loss) => loss - (Number.isNaN(run.loss_floor) ? 0 : run.loss_floor);
O.gapsOf = (run, path, log) => Array.from(path.loss, (loss) => (log ? Math.max(O.gapOf(run, loss), FLOOR) : O.gapOf(run, loss)));

/* The rates of a run; its last row holds the rate of a step that is never taken. */
O.ratesOf = (run, path) => {
  const own = Array.from(path.lr_t, (rate) => Math.max(rate, FLOOR));
  if (own.length > 1 && path.step.at(-1) === run.steps) own[own.length - 1] = own[own.length - 2];
  return own;
};

/* Rows in groups by a key, in the order in which keys turn up. */
O.groups = (rows, key) => {
  const found = new Map();
  for (const row of rows) {
    const own = key(row);
    if (!found.has(own)) found.set(own, []);
    found.get(own).push(row);
  }
  return found;
};
