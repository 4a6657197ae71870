/**
 * What the page does beyond HTML: filters findings, opens the one that a link leads to, moves with j and k, and opens what
 * is shown before it is printed. Without it the page still shows everything.
 */
export const script = `
(() => {
  const findings = [...document.querySelectorAll('.finding')];
  const search = document.querySelector('#search');
  const boxes = [...document.querySelectorAll('.filter input[type=checkbox]')];
  const count = document.querySelector('#count');
  const texts = new Map();
  const textOf = (finding) => {
    if (!texts.has(finding)) texts.set(finding, finding.textContent.toLowerCase());
    return texts.get(finding);
  };
  const shown = () => findings.filter((finding) => !finding.hidden);
  const filter = () => {
    const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
    const severities = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    let visible = 0;
    for (const finding of findings) {
      const fits = severities.has(finding.dataset.severity) && words.every((word) => textOf(finding).includes(word));
      finding.hidden = !fits;
      if (fits) visible++;
    }
    count.textContent = visible === findings.length
      ? findings.length.toLocaleString('en') + (findings.length === 1 ? ' finding' : ' findings')
      : visible.toLocaleString('en') + ' of ' + findings.length.toLocaleString('en') + ' findings';
  };
  let waiting;
  if (search) {
    search.addEventListener('input', () => { clearTimeout(waiting); waiting = setTimeout(filter, 80); });
    for (const box of boxes) box.addEventListener('change', filter);
    filter();
  }
  const reveal = () => {
    const place = location.hash && document.getElementById(location.hash.slice(1));
    if (!place) return;
    place.hidden = false;
    if (place.tagName === 'DETAILS') place.open = true;
    for (let outer = place.parentElement; outer; outer = outer.parentElement) if (outer.tagName === 'DETAILS') outer.open = true;
    place.scrollIntoView();
    (place.querySelector('summary') ?? place).focus({ preventScroll: true });
  };
  addEventListener('hashchange', reveal);
  // a link to the current place changes nothing
  document.addEventListener('click', (event) => {
    const link = event.target.closest && event.target.closest('a[href^="#"]');
    if (link && link.getAttribute('href') === location.hash) reveal();
  });
  reveal();
  document.addEventListener('keydown', (event) => {
    const typing = /^(INPUT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== 'checkbox';
    if (event.key === 'Escape' && event.target === search) { search.value = ''; filter(); search.blur(); }
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === '/' && search) { event.preventDefault(); search.focus(); }
    if (event.key !== 'j' && event.key !== 'k') return;
    const list = shown();
    const at = list.indexOf(document.activeElement.closest('.finding'));
    const next = list[event.key === 'j' ? at + 1 : Math.max(at - 1, 0)];
    if (next) { next.querySelector('summary').focus(); next.scrollIntoView({ block: 'nearest' }); }
  });
  const PRINTED = 500;
  let opened = [];
  addEventListener('beforeprint', () => {
    opened = shown().filter((finding) => !finding.open).slice(0, PRINTED);
    for (const finding of opened) finding.open = true;
  });
  addEventListener('afterprint', () => { for (const finding of opened) finding.open = false; });
})();
`;
