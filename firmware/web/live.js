// What is marked on a page is read again every two seconds while somebody looks: the page itself, as
// the board tells it.
'use strict';

const INTERVAL_MILLISECONDS = 2000;

async function again() {
  if (!document.hidden) {
    try {
      const response = await fetch(location.pathname, { cache: 'no-store' });
      if (!response.ok) throw new Error(`${location.pathname}: ${response.status}`);
      const fresh = new DOMParser().parseFromString(await response.text(), 'text/html');
      for (const place of document.querySelectorAll('[data-live]')) {
        const now = fresh.getElementById(place.id);
        if (now && now.innerHTML !== place.innerHTML) place.replaceChildren(...now.childNodes);
      }
    } catch (error) {
      console.warn(error);
    }
  }
  setTimeout(again, INTERVAL_MILLISECONDS);
}
setTimeout(again, INTERVAL_MILLISECONDS);
