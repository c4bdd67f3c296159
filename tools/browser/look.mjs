// Looks at the board's pages with a real browser: node look.mjs URL [FOLDER]
//
// Whatever is wrong is told, and ends it with status 1. What is printed is one line of JSON: the
// frames that /life showed of its own request, for somebody who has captured the same wire. With a
// folder, pictures of all pages are put there.
import { chromium } from 'playwright-core';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const LIMIT_MILLISECONDS = 30000;
/** Pages, and what each of them says even to who runs no script. */
const PAGES = {
  '/': ['Bare metal', 'up for', 'Frames a second', 'Last restart'],
  '/life': ['GET /life HTTP/1.1', 'guard: passed'],
  '/tables': ['LISTEN', 'connected', 'reachable', 'keep-alive'],
  '/log': ['link up', 'eth0: address'],
  '/lab': ['netem out off', 'Key by key'.toLowerCase(), 'a ping, and what goes before it'],
};
const LOOKS = [['light', 1280], ['dark', 360]];

const [base, folder] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core'), 'utf8');
const wrong = [];
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });

/** A page of a visitor who was never here, whose every complaint is heard. */
async function visit(path, options, work) {
  const context = await browser.newContext({ ...options, bypassCSP: options.javaScriptEnabled ?? true });
  context.setDefaultTimeout(LIMIT_MILLISECONDS);
  const page = await context.newPage();
  const complain = what => wrong.push(`${path} ${JSON.stringify(options)}: ${what}`);
  page.on('console', message => { if (message.type() === 'error') complain(`console: ${message.text()}`); });
  page.on('pageerror', complain);
  page.on('request', request => { if (!request.url().startsWith(`${base}/`)) complain(`asks for ${request.url()}`); });
  page.on('response', response => { if (response.status() >= 400) complain(`${response.status()} for ${response.url()}`); });
  try {
    await page.goto(base + path, { waitUntil: 'load' });
    return await work(page, complain);
  } catch (error) {
    complain(error);
  } finally {
    await context.close();
  }
}

/** What a page looks like, to the eye and to the ear. */
async function look(path, colorScheme, width) {
  await visit(path, { colorScheme, viewport: { width, height: 900 } }, async (page, complain) => {
    if (path === '/life') await page.waitForSelector('g.frame[aria-pressed=true]');
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (wide > 0) complain(`${wide} px wider than the screen`);
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => axe.run());
    for (const { id, impact, nodes } of violations) {
      if (impact === 'serious' || impact === 'critical') complain(`axe: ${id}: ${nodes[0].html.slice(0, 120)}`);
    }
    const name = `${path.slice(1) || 'board'}-${colorScheme}-${width}.png`;
    if (folder) await page.screenshot({ path: `${folder}/${name}`, fullPage: true });
  });
}

/** Its numbers are there without a script. */
async function read(path) {
  await visit(path, { javaScriptEnabled: false }, async (page, complain) => {
    const text = await page.innerText('body');
    for (const words of PAGES[path]) if (!text.includes(words)) complain(`without a script, no "${words}"`);
  });
}

/** They move, with one: three times, as the seconds do, while the frames that tell so are counted. */
async function live() {
  await visit('/', {}, async (page, complain) => {
    const number = page.locator('.n [data-path="received.packets"]:not([data-form])');
    for (let times = 0; times < 3; times += 1) {
      const before = await number.innerText();
      await page.waitForFunction(([cell, text]) => cell.innerText !== text, [await number.elementHandle(), before]);
      if (Number(await number.innerText()) <= Number(before)) complain(`${before} frames, then fewer`);
    }
    if (await page.innerText('#live') !== 'live') complain('not live');
    await page.waitForSelector('.lane.up i', { state: 'attached' });
  });
}

/** The dial turns by its form, says so, and is off again. */
async function turn() {
  await visit('/lab', {}, async (page, complain) => {
    const form = page.locator('form').filter({ has: page.locator('[name=direction][value=out]') });
    await form.locator('[name=delay]').fill('3ms');
    for (const [button, said] of [['Set', 'netem out delay 3ms'], ['Off', 'netem out off']]) {
      await Promise.all([page.waitForEvent('load'), form.getByRole('button', { name: button, exact: true }).click()]);
      if (!(await page.innerText('main')).includes(said)) complain(`no "${said}"`);
    }
  });
}

/** The frames of this very request, as the page tells them. */
async function life() {
  return await visit('/life', {}, async page => {
    await page.waitForSelector('g.frame[aria-pressed=true]');
    return await page.evaluate(() => [...document.querySelectorAll('g.frame')].map(frame => {
      frame.dispatchEvent(new MouseEvent('click'));
      const [, number, way, bytes] = document.querySelector('#detail h2').innerText
        .match(/frame (\d+): (received|sent), (\d+) bytes/i);
      return {
        number: Number(number), way, bytes: Number(bytes),
        hex: document.querySelector('#detail .hex').textContent.replace(/\s/g, ''),
        label: frame.getAttribute('aria-label'),
        steps: [...document.querySelectorAll('#detail .steps li')].map(step => step.textContent),
      };
    }));
  });
}

for (const path of Object.keys(PAGES)) {
  for (const [colorScheme, width] of LOOKS) await look(path, colorScheme, width);
  await read(path);
}
await live();
await turn();
const frames = await life();
await browser.close();
console.log(JSON.stringify(frames));
for (const what of wrong) console.error(what);
process.exitCode = wrong.length > 0 ? 1 : 0;
