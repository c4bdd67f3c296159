// Neighbors, routes and sockets, read again every two seconds while somebody looks.
'use strict';

const INTERVAL_MILLISECONDS = 2000;

const shown = value => value === null || value === undefined ? '' : Array.isArray(value) ? value.join(', ') : String(value);

/** A table of an array of flat objects: the names of the first one are its head. */
function table(rows) {
  const element = document.createElement('table');
  element.className = 'wide';
  const names = [...new Set(rows.flatMap(row => Object.keys(row)))];
  const head = element.createTHead().insertRow();
  for (const name of names) {
    const cell = document.createElement('th');
    cell.scope = 'col';
    cell.textContent = name.replaceAll('_', ' ');
    head.append(cell);
  }
  const body = element.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const name of names) line.insertCell().textContent = shown(row[name]);
  }
  return element;
}

async function load(name) {
  const place = document.getElementById(name);
  try {
    const response = await fetch(`/${name}.json`, { cache: 'no-store' });
    if (!response.ok) throw new Error(`/${name}.json: ${response.status}`);
    const content = await response.json();
    const rows = Array.isArray(content) ? content : Object.values(content).find(Array.isArray) ?? [];
    if (rows.length) place.replaceChildren(table(rows));
    else place.textContent = 'None.';
  } catch (error) {
    place.textContent = String(error);
  }
}

async function all() {
  // One after the other: the board has few connections, and other visitors.
  if (!document.hidden) for (const name of ['neighbors', 'routes', 'sockets']) await load(name);
  setTimeout(all, INTERVAL_MILLISECONDS);
}
all();
