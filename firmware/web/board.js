// The numbers of the board's page, live. The page is whole without this: here its numbers move.
'use strict';

const DOTS_MAX = 8;

/** The status before this one. */
let last = null;

const size = bytes => bytes < 1024 ? `${Math.round(bytes)} B` : bytes < 2 ** 20 ? `${(bytes / 1024).toFixed(1)} KiB`
  : bytes < 2 ** 30 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`;

function uptime(seconds) {
  const whole = Math.floor(seconds);
  const [d, h, m, s] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60, whole % 60];
  const two = number => String(number).padStart(2, '0');
  return `${d ? `${d} d ` : ''}${two(h)}:${two(m)}:${two(s)}`;
}

const cidr = ours => ours ? `${ours.address}/${ours.prefix_length}` : 'none yet';
const link = ({ up, megabits, full_duplex: full }) => !up ? 'down' : megabits === null ? 'up'
  : `up, ${megabits} Mbit/s ${full ? 'full' : 'half'} duplex`;

const at = (status, path) => path.split('.').reduce((value, name) => value?.[name], status);

/** How much a count has grown a second, since the status before. */
function rate(status, path) {
  const seconds = status.uptime_seconds - (last?.uptime_seconds ?? status.uptime_seconds);
  return seconds > 0 ? (at(status, path) - at(last, path)) / seconds : null;
}

/** Each tells a value of the status; null leaves what is there. */
const forms = {
  count: String,
  text: value => value || null,
  size, uptime, cidr, link,
  cidrs: all => all.map(cidr).join('\n') || 'none',
  rate: (_, status, path) => rate(status, path)?.toFixed(0) ?? null,
  'size-rate': (_, status, path) => { const bytes = rate(status, path); return bytes === null ? null : size(bytes); },
};

/** Frames on their way, some for many. */
function flow(name, frames) {
  const lane = document.querySelector(`.lane.${name}`);
  const dots = Math.min(DOTS_MAX, Math.ceil(Math.log2(1 + frames)));
  lane.replaceChildren(...Array.from({ length: dots }, (_, index) => {
    const dot = document.createElement('i');
    dot.style.animationDelay = `${index / dots}s`;
    return dot;
  }));
}

function drops(counts) {
  const all = Object.entries(counts);
  const row = (name, text, hot) => {
    const line = document.createElement('tr');
    line.className = hot ? 'hot' : 'zero';
    const head = document.createElement('th');
    head.scope = 'row';
    head.textContent = name.replaceAll('_', ' ');
    line.append(head);
    line.insertCell().textContent = text;
    return line;
  };
  const hot = all.filter(([, count]) => count > 0);
  document.querySelector('#drops tbody').replaceChildren(
    ...hot.map(([name, count]) => row(name, count, true)), row('other reasons', `${all.length - hot.length} of them: 0`, false));
}

/** Puts the values of a /status.json where the page names them, and marks what has moved. */
function show(status) {
  // Another start counts from zero.
  if (last && last.uptime_seconds > status.uptime_seconds) last = null;
  for (const element of document.querySelectorAll('[data-path]')) {
    const { path, form = 'count' } = element.dataset;
    const value = at(status, path);
    const text = value === undefined ? null : forms[form](value, status, path);
    if (text !== null && element.innerText !== text) element.innerText = text;
    const floor = element.closest('.stack li');
    if (floor && last && at(last, path) !== value) floor.dataset.moved = '';
  }
  for (const floor of document.querySelectorAll('.stack li')) {
    floor.classList.toggle('moved', 'moved' in floor.dataset);
    delete floor.dataset.moved;
  }
  for (const row of document.querySelectorAll('[data-bad]')) {
    const counts = [...row.querySelectorAll('[data-path]')].map(cell => Number(cell.textContent));
    row.className = counts.some(count => count > 0) ? 'hot' : 'zero';
  }
  drops(status.drops);
  if (last) {
    const [received, sent] = ['received', 'sent'].map(way => status[way].packets - last[way].packets);
    flow('up', received);
    flow('down', sent);
  }
  last = status;
}

const state = document.getElementById('live');
const events = new EventSource('/events');
events.addEventListener('open', () => { state.textContent = 'live'; });
events.addEventListener('error', () => { state.textContent = 'the board does not answer'; });
events.addEventListener('status', event => show(JSON.parse(event.data)));
