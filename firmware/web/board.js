// The numbers of the board's page, live. The page is whole without this: here its numbers move.
'use strict';

const before = new Map();

const size = bytes => bytes < 1024 ? `${bytes} B` : bytes < 2 ** 20 ? `${(bytes / 1024).toFixed(1)} KiB`
  : bytes < 2 ** 30 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`;

function uptime(seconds) {
  const whole = Math.floor(seconds);
  const [d, h, m, s] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60, whole % 60];
  const two = number => String(number).padStart(2, '0');
  return `${d ? `${d} d ` : ''}${two(h)}:${two(m)}:${two(s)}`;
}

const forms = { size, uptime, count: number => String(number) };

/** Puts the values of a /status.json where the page names them, and marks what has moved. */
function show(status) {
  for (const element of document.querySelectorAll('[data-path]')) {
    const { path, form = 'count' } = element.dataset;
    const value = path.split('.').reduce((at, name) => at?.[name], status);
    if (typeof value !== 'number') continue;
    const text = forms[form](value);
    if (element.textContent !== text) element.textContent = text;
    const last = before.get(path);
    before.set(path, value);
    element.closest('li')?.classList.toggle('moved', last !== undefined && last !== value);
  }
  for (const row of document.querySelectorAll('[data-bad]')) {
    const counts = [...row.querySelectorAll('[data-path]')].map(cell => Number(cell.textContent));
    row.className = counts.some(count => count > 0) ? 'hot' : 'zero';
  }
}

const state = document.getElementById('live');
const events = new EventSource('/events');
events.addEventListener('open', () => { state.textContent = 'live'; });
events.addEventListener('error', () => { state.textContent = 'the board does not answer'; });
events.addEventListener('status', event => show(JSON.parse(event.data)));
