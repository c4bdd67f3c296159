// The life of the visitor's own frames: a sequence diagram to scale, and each frame byte by byte.
// What the board decided comes from the board (/life.json); what the bytes mean is read here.
'use strict';

const DIAGRAM = { widest: 460, narrowest: 280, time: 90, step: 22, longest: 90, perMillisecond: 40 };

/** Fields of a frame, in the order of its bytes: [layer, name, offset, length, value]. */
function dissect(bytes) {
  const fields = [];
  const add = (layer, name, at, length, value, whole = length) => {
    if (at + length <= bytes.length) fields.push({ layer, name, at, length, value, whole });
  };
  const u8 = at => bytes[at] ?? 0;
  const u16 = at => u8(at) << 8 | u8(at + 1);
  const u32 = at => u16(at) * 65536 + u16(at + 2);
  const hex = (number, digits) => '0x' + number.toString(16).padStart(digits, '0');
  const mac = at => [...bytes.slice(at, at + 6)].map(b => b.toString(16).padStart(2, '0')).join(':');
  const ip4 = at => [...bytes.slice(at, at + 4)].join('.');
  const ip6 = at => {
    const words = Array.from({ length: 8 }, (_, i) => u16(at + 2 * i).toString(16));
    return words.join(':').replace(/\b(?:0:){2,}0?\b|(?::0){2,}$/, ':').replace(/:{3,}/, '::');
  };
  const text = (at, length) => new TextDecoder('latin1').decode(bytes.slice(at, at + length))
    .replace(/[^\x20-\x7e]/g, '·');
  const flag = (bits, names) => names.filter(([bit]) => bits & bit).map(([, name]) => name).join(' ') || 'none';

  const type = u16(12);
  add('Ethernet', 'to', 0, 6, mac(0) + (mac(0) === 'ff:ff:ff:ff:ff:ff' ? ', everybody' : ''));
  add('Ethernet', 'from', 6, 6, mac(6));
  add('Ethernet', 'type', 12, 2, hex(type, 4) + ({ 0x800: ', IPv4', 0x806: ', ARP', 0x86dd: ', IPv6' }[type] ?? ''));

  if (type === 0x806) {
    const operation = u16(20);
    add('ARP', 'hardware, protocol', 14, 4, u16(14) === 1 && u16(16) === 0x800 ? 'Ethernet, IPv4' : 'another');
    add('ARP', 'address lengths', 18, 2, `${u8(18)} and ${u8(19)} bytes`);
    add('ARP', 'operation', 20, 2, ({ 1: '1, who has?', 2: '2, here is' }[operation] ?? operation));
    add('ARP', 'sender', 22, 10, `${mac(22)}, ${ip4(28)}`);
    add('ARP', 'target', 32, 10, `${mac(32)}, ${ip4(38)}`);
    return fields;
  }

  let at, protocol, end;
  if (type === 0x800) {
    const header = (u8(14) & 15) * 4;
    const fragment = u16(20);
    end = 14 + u16(16);
    protocol = u8(23);
    add('IPv4', 'version, header length', 14, 1, `4, ${header} bytes`);
    add('IPv4', 'type of service', 15, 1, hex(u8(15), 2));
    add('IPv4', 'total length', 16, 2, `${u16(16)} bytes`);
    add('IPv4', 'identification', 18, 2, u16(18));
    add('IPv4', 'flags, fragment offset', 20, 2, flag(fragment, [[0x4000, "don't fragment"], [0x2000, 'more follow']]) + `, ${(fragment & 0x1fff) * 8}`);
    add('IPv4', 'time to live', 22, 1, `${u8(22)} hops`);
    add('IPv4', 'protocol', 23, 1, `${protocol}` + ({ 1: ', ICMP', 6: ', TCP', 17: ', UDP' }[protocol] ?? ''));
    add('IPv4', 'header checksum', 24, 2, hex(u16(24), 4));
    add('IPv4', 'from', 26, 4, ip4(26));
    add('IPv4', 'to', 30, 4, ip4(30));
    if (header > 20) add('IPv4', 'options', 34, header - 20, `${header - 20} bytes`);
    at = 14 + header;
    if (fragment & 0x1fff) return fields;
  } else if (type === 0x86dd) {
    protocol = u8(20);
    end = 54 + u16(18);
    add('IPv6', 'version, class, flow label', 14, 4, `6, ${hex(u16(14) >> 4 & 255, 2)}, ${hex(u32(14) % 0x100000, 5)}`);
    add('IPv6', 'payload length', 18, 2, `${u16(18)} bytes`);
    add('IPv6', 'next header', 20, 1, `${protocol}` + ({ 6: ', TCP', 17: ', UDP', 58: ', ICMPv6' }[protocol] ?? ''));
    add('IPv6', 'hop limit', 21, 1, `${u8(21)} hops`);
    add('IPv6', 'from', 22, 16, ip6(22));
    add('IPv6', 'to', 38, 16, ip6(38));
    at = 54;
  } else {
    return fields;
  }

  if (protocol === 1 || protocol === 58) {
    const kinds = protocol === 1
      ? { 0: 'echo reply', 3: 'unreachable', 8: 'echo request', 11: 'time exceeded' }
      : { 1: 'unreachable', 2: 'too big', 3: 'time exceeded', 128: 'echo request', 129: 'echo reply', 133: 'router solicitation', 134: 'router advertisement', 135: 'neighbor solicitation', 136: 'neighbor advertisement' };
    const layer = protocol === 1 ? 'ICMP' : 'ICMPv6';
    add(layer, 'type', at, 1, `${u8(at)}, ${kinds[u8(at)] ?? 'another'}`);
    add(layer, 'code', at + 1, 1, u8(at + 1));
    add(layer, 'checksum', at + 2, 2, hex(u16(at + 2), 4));
    if (/echo/.test(kinds[u8(at)] ?? '')) {
      add(layer, 'identifier', at + 4, 2, u16(at + 4));
      add(layer, 'sequence', at + 6, 2, u16(at + 6));
    }
    if (end > at + 8) add(layer, 'data', at + 8, Math.min(end, bytes.length) - at - 8, `${end - at - 8} bytes`);
  } else if (protocol === 17) {
    add('UDP', 'from port', at, 2, u16(at));
    add('UDP', 'to port', at + 2, 2, u16(at + 2));
    add('UDP', 'length', at + 4, 2, `${u16(at + 4)} bytes`);
    add('UDP', 'checksum', at + 6, 2, hex(u16(at + 6), 4));
    const length = Math.min(end, bytes.length) - at - 8;
    if (length > 0) add('UDP', 'data', at + 8, length, text(at + 8, Math.min(length, 64)));
  } else if (protocol === 6) {
    const header = (u8(at + 12) >> 4) * 4;
    add('TCP', 'from port', at, 2, u16(at));
    add('TCP', 'to port', at + 2, 2, u16(at + 2));
    add('TCP', 'sequence', at + 4, 4, u32(at + 4));
    add('TCP', 'acknowledgement', at + 8, 4, u32(at + 8));
    add('TCP', 'header length', at + 12, 1, `${header} bytes`);
    add('TCP', 'flags', at + 13, 1, flag(u8(at + 13), [[2, 'SYN'], [1, 'FIN'], [4, 'RST'], [8, 'PSH'], [16, 'ACK'], [32, 'URG'], [64, 'ECE'], [128, 'CWR']]));
    add('TCP', 'window', at + 14, 2, u16(at + 14));
    add('TCP', 'checksum', at + 16, 2, hex(u16(at + 16), 4));
    add('TCP', 'urgent', at + 18, 2, u16(at + 18));
    let option = at + 20;
    while (option < at + header && u8(option) !== 0) {
      const kind = u8(option);
      const length = kind === 1 ? 1 : u8(option + 1);
      if (length < 1 || kind !== 1 && length < 2) break;
      const named = {
        1: () => 'no operation',
        2: () => `segments of up to ${u16(option + 2)} bytes`,
        3: () => `window times ${2 ** u8(option + 2)}`,
        4: () => 'selective acknowledgements are fine',
        5: () => `has ${u32(option + 2)} to ${u32(option + 6)}`,
        8: () => `timestamp ${u32(option + 2)}, echo ${u32(option + 6)}`,
      }[kind];
      add('TCP', `option ${kind}`, option, length, named ? named() : `${length} bytes`);
      option += length;
    }
    const from = at + header;
    const length = Math.min(end, bytes.length) - from;
    if (length > 0) add(u16(at) === 80 || u16(at + 2) === 80 ? 'HTTP' : 'Data', 'bytes', from, length, text(from, Math.min(length, 400)), end - from);
  }
  return fields;
}

/** A few words for the arrow. */
function label(frame, fields) {
  const get = (layer, name) => fields.find(f => f.layer === layer && f.name === name)?.value;
  const data = fields.find(f => f.layer === 'HTTP' || f.layer === 'Data');
  const http = data?.value.match(/^(GET|HEAD|PUT|POST|HTTP\/1\.[01]) [^ ]*/)?.[0];
  if (http) return http;
  const flags = get('TCP', 'flags');
  if (flags) {
    return data ? `${data.whole} bytes` : flags;
  }
  return get('ARP', 'operation')?.replace(/^\d, /, 'ARP: ') ?? get('ICMP', 'type')?.replace(/^\d+, /, '')
    ?? get('ICMPv6', 'type')?.replace(/^\d+, /, '') ?? `${frame.bytes} bytes`;
}

const make = (name, attributes = {}, ...children) => {
  const svg = ['svg', 'g', 'line', 'path', 'text', 'rect', 'title'].includes(name);
  const element = svg ? document.createElementNS('http://www.w3.org/2000/svg', name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};

const milliseconds = microseconds => Math.abs(microseconds) < 1000 ? `${microseconds} µs`
  : Math.abs(microseconds) < 1e6 ? `${(microseconds / 1000).toFixed(1)} ms` : `${(microseconds / 1e6).toFixed(3)} s`;

/** The diagram: time goes down, to scale up to a longest distance; waits beyond are cut, and say so. */
function draw(life, choose) {
  const { widest, narrowest, time, step, longest, perMillisecond } = DIAGRAM;
  // As wide as there is room, so that letters are as large as elsewhere.
  const width = Math.max(narrowest, Math.min(widest, document.getElementById('diagram').clientWidth));
  const [left, right] = [time, width - 8];
  const svg = make('svg', { role: 'group', 'aria-label': 'Frames between you and the board, in time' });
  // Time begins with the connection.
  const origin = life.frames.find(frame => frame.fields.some(f => f.layer === 'TCP')) ?? life.frames[0];
  const since = frame => milliseconds(frame.at_microseconds - origin.at_microseconds);
  let y = 44;
  let before = life.frames[0]?.at_microseconds ?? 0;
  const marks = [];
  for (const frame of life.frames) {
    const passed = frame.at_microseconds - before;
    before = frame.at_microseconds;
    const wanted = passed / 1000 * perMillisecond;
    const cut = wanted > longest;
    const gap = Math.max(step, Math.min(wanted, longest));
    if (cut) marks.push(make('text', { x: (left + right) / 2, y: y + gap / 2, 'text-anchor': 'middle', class: 'time' }, `${milliseconds(passed)} later`));
    y += gap;
    const out = frame.way === 'out';
    const [from, to] = out ? [right, left] : [left, right];
    const tip = out ? 1 : -1;
    const whole = label(frame, frame.fields);
    const words = whole.length > 44 ? `${whole.slice(0, 43)}…` : whole;
    const group = make('g', {
      class: `frame ${frame.way}${frame.dropped ? ' dropped' : ''}`, tabindex: 0, role: 'button',
      'aria-pressed': 'false', 'aria-label': `${since(frame)} ${words}: ${out ? 'the board sends' : 'the board receives'}`,
    },
    make('rect', { class: 'hit', x: 0, y: y - 13, width, height: step }),
    make('text', { class: 'time', x: left - 12, y: y + 4, 'text-anchor': 'end' }, `${since(frame)} `),
    make('line', { x1: from, y1: y, x2: to, y2: y }),
    make('path', { d: `M${to} ${y} l${8 * tip} -4 v8 z` }),
    make('text', { x: (left + right) / 2, y: y - 4, 'text-anchor': 'middle' }, words));
    group.addEventListener('click', () => choose(frame));
    group.addEventListener('keydown', event => {
      if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); choose(frame); }
    });
    frame.group = group;
    marks.push(group);
  }
  const height = y + 24;
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  svg.append(
    make('text', { class: 'who', x: 4, y: 16 }, life.visitor),
    make('text', { class: 'who', x: right, y: 16, 'text-anchor': 'end' }, life.board),
    make('line', { class: 'axis', x1: left, y1: 26, x2: left, y2: height }),
    make('line', { class: 'axis', x1: right, y1: 26, x2: right, y2: height }), ...marks);
  return svg;
}

/** One frame: what each layer did with it, then its bytes beside its fields. */
function show(frame, place) {
  // What carried it is told first, and has no time of its own.
  const untimed = frame.notes.length - frame.note_microseconds.length;
  const steps = make('ol', { class: 'steps' }, ...frame.notes.map((note, index) => {
    const [layer, ...text] = note.split(': ');
    const time = frame.note_microseconds[index - untimed];
    const after = time === undefined ? [] : [' ', make('small', {}, `after ${time.toFixed(1)} µs`)];
    return make('li', {}, make('b', {}, layer), ` ${text.join(': ')}`, ...after);
  }));
  if (frame.answered_by !== null) steps.append(make('li', {}, `answered at once, by frame ${frame.answered_by}`));
  const spans = [];
  const hex = make('code', { class: 'hex' });
  frame.raw.forEach((byte, at) => {
    const span = make('span', {}, byte.toString(16).padStart(2, '0'));
    spans.push(span);
    hex.append(span, at % 8 === 7 ? '\n' : ' ');
  });
  const rows = [];
  const light = (field, on) => {
    for (let at = field.at; at < field.at + field.length; at += 1) spans[at]?.classList.toggle('on', on);
    rows[frame.fields.indexOf(field)]?.classList.toggle('on', on);
  };
  const tables = [];
  for (const field of frame.fields) {
    if (tables.at(-1)?.layer !== field.layer) {
      const table = make('table', { class: 'fields' }, make('caption', {}, field.layer), make('tbody'));
      tables.push({ layer: field.layer, table });
    }
    const row = make('tr', { tabindex: 0 }, make('th', { scope: 'row' }, field.name), make('td', {}, String(field.value)));
    rows.push(row);
    for (const [enter, leave] of [['mouseenter', 'mouseleave'], ['focus', 'blur']]) {
      row.addEventListener(enter, () => light(field, true));
      row.addEventListener(leave, () => light(field, false));
    }
    for (let at = field.at; at < field.at + field.length; at += 1) {
      spans[at]?.addEventListener('mouseenter', () => light(field, true));
      spans[at]?.addEventListener('mouseleave', () => light(field, false));
    }
    tables.at(-1).table.lastChild.append(row);
  }
  const kept = frame.raw.length < frame.bytes ? `; the first ${frame.raw.length} were kept` : '';
  place.replaceChildren(
    make('h2', {}, `Frame ${frame.number}: ${frame.way === 'in' ? 'received' : 'sent'}, ${frame.bytes} bytes${kept}`),
    make('p', {}, make('code', {}, frame.line)),
    make('h3', {}, 'What each layer did'), steps,
    make('p', { class: 'lead' }, `${took(frame)} ${copies(frame)}`),
    make('h3', {}, 'Its bytes'),
    make('div', { class: 'bytes' }, make('pre', { tabindex: 0, 'aria-label': 'The bytes, in hexadecimal' }, hex), make('div', {}, ...tables.map(({ table }) => table))));
}

/** Microseconds of the board's, from its own clock. */
const took = ({ way, took_microseconds: time }) => time === 0 ? ''
  : way === 'in' ? `The board was done with it after ${time.toFixed(1)} µs, answers included.`
    : `Written and in the device’s hands after ${time.toFixed(1)} µs.`;

/** How often its bytes were copied on the board. */
function copies(frame) {
  if (frame.interface !== 'eth0' || frame.dropped) return '';
  const data = frame.fields.find(f => f.layer === 'HTTP' || f.layer === 'Data')?.whole ?? 0;
  const tcp = frame.fields.some(f => f.layer === 'TCP');
  if (frame.way === 'out') {
    return tcp ? `TCP wrote it in the transmit buffer itself: ${data} bytes of data were copied once.`
      : 'It was written in the link’s own buffer, and copied once from there to the transmit buffer.';
  }
  const kept = `The layers looked at it where the device had put it; ${frame.raw.length} bytes were copied for this page`;
  return tcp && data ? `${kept}, and ${data} bytes of data for whoever reads the connection.` : `${kept}, and no others.`;
}

function notSeen(life) {
  const has = test => life.frames.some(frame => test(frame));
  const field = (frame, layer, name) => frame.fields.find(f => f.layer === layer && f.name === name)?.value ?? '';
  const notes = [];
  if (!has(frame => field(frame, 'ARP', 'operation') || /neighbor/.test(field(frame, 'ICMPv6', 'type')))) {
    notes.push('No ARP or neighbor discovery: your computer, or the router between us, already knew the board’s Ethernet address, and the board knew the way back.');
  }
  if (!has(frame => /SYN/.test(field(frame, 'TCP', 'flags')))) {
    notes.push('No handshake: your browser used a connection that was already open.');
  }
  if (!has(frame => /FIN/.test(field(frame, 'TCP', 'flags')))) {
    notes.push('No goodbye: the connection stays open for your next request.');
  }
  notes.push('No name was looked up here: if your browser asked a name server for the board, it asked somebody else.');
  return notes;
}

async function tell() {
  const response = await fetch('/life.json', { cache: 'no-store' });
  if (!response.ok) throw new Error(`/life.json: ${response.status}`);
  const life = await response.json();
  for (const frame of life.frames) {
    frame.raw = Uint8Array.from(frame.hex.match(/../g) ?? [], pair => parseInt(pair, 16));
    frame.fields = dissect(frame.raw);
    // TX_CMD_B bit 14 (LAN9514): the chip puts the sum in, and the board never sees it.
    const words = frame.way === 'out' && frame.notes[0]?.match(/words (0x\w+) (0x\w+)/);
    const sum = frame.fields.find(f => f.layer === 'TCP' && f.name === 'checksum');
    if (sum && words && Number(words[2]) & 0x4000) sum.value += ', half of it: the chip does the rest';
  }
  const detail = document.getElementById('detail');
  const choose = frame => {
    for (const other of life.frames) other.group?.setAttribute('aria-pressed', String(other === frame));
    show(frame, detail);
  };
  const asks = path => life.frames.findLast(frame =>
    frame.fields.some(f => f.layer === 'HTTP' && f.value.startsWith(`GET ${path} `)));
  const request = asks('/life') ?? asks('/life.json');
  if (request && !everything.checked) life.frames = story(life.frames, request);
  document.getElementById('diagram').replaceChildren(draw(life, choose));
  document.getElementById('not-seen').replaceChildren(...notSeen(life).map(note => make('li', {}, note)));
  const chosen = request ?? life.frames[0];
  if (chosen) choose(chosen);
}

/** The frames of one request's connection, and those between us that belong to none: who has which address. */
function story(frames, request) {
  const ports = frame => {
    const port = name => frame.fields.find(f => f.layer === 'TCP' && f.name === name)?.value;
    return [port('from port'), port('to port')].sort().join();
  };
  const connection = ports(request);
  return frames.filter(frame => [connection, ','].includes(ports(frame)));
}

const complain = error => { document.getElementById('diagram').textContent = String(error); };
const again = make('button', { type: 'button' }, 'Ask again');
again.addEventListener('click', () => tell().catch(complain));
const everything = make('input', { type: 'checkbox', id: 'everything' });
everything.addEventListener('change', () => tell().catch(complain));
document.getElementById('asked').replaceChildren(
  again, ' ', make('label', { for: 'everything' }, everything, ' your other connections, too'));
tell().catch(complain);
