// The journal as it grows; the page stays at its end if it was there.
'use strict';

const AGAIN_MILLISECONDS = 2000;
const log = document.getElementById('log');

/** As dmesg has it: the time since start, six digits behind the point. */
const line = ({ at_seconds: at, text }) => `[${at.toFixed(6).padStart(12)}] ${text}\n`;

function listen() {
  const events = new EventSource('/events');
  let first = true;
  events.addEventListener('journal', event => {
    const atEnd = window.innerHeight + window.scrollY >= document.body.scrollHeight - 40;
    // The whole journal comes first.
    if (first) log.textContent = '';
    first = false;
    log.append(line(JSON.parse(event.data)));
    if (atEnd) window.scrollTo(0, document.body.scrollHeight);
  });
  // After a restart the journal is another one: not to be continued, but begun again.
  events.addEventListener('error', () => { events.close(); setTimeout(listen, AGAIN_MILLISECONDS); });
}
listen();
