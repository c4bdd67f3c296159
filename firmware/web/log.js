// The journal, read again every two seconds while somebody looks; it stays at its end if it was there.
'use strict';

const INTERVAL_MILLISECONDS = 2000;
const log = document.getElementById('log');

async function read() {
  if (!document.hidden) {
    try {
      const response = await fetch('/dmesg.txt', { cache: 'no-store' });
      if (!response.ok) throw new Error(`/dmesg.txt: ${response.status}`);
      const text = await response.text();
      if (text !== log.textContent) {
        const atEnd = window.innerHeight + window.scrollY >= document.body.scrollHeight - 40;
        log.textContent = text;
        if (atEnd) window.scrollTo(0, document.body.scrollHeight);
      }
    } catch (error) {
      log.textContent = String(error);
    }
  }
  setTimeout(read, INTERVAL_MILLISECONDS);
}
read();
