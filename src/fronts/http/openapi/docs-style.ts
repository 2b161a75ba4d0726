/** The style of the page of documentation. All colours reach a contrast of 4.5:1 on their background, light and dark. */
export const docsStyle = `
:root {
  color-scheme: light dark;
  --page: light-dark(#ffffff, #14171c);
  --panel: light-dark(#f4f6f8, #1c2128);
  --line: light-dark(#d5dae1, #363d48);
  --text: light-dark(#1b2027, #e4e8ee);
  --faint: light-dark(#55606e, #a3adba);
  --link: light-dark(#0b57b0, #7db7ff);
  --get: light-dark(#0b5d34, #6fd6a0);
  --post: light-dark(#0b4f9e, #8cc0ff);
  --delete: light-dark(#a3211b, #ff9d94);
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body {
  margin: 0; background: var(--page); color: var(--text); display: grid; grid-template-columns: 21rem minmax(0, 1fr);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
}
a { color: var(--link); }
a:focus-visible, [tabindex]:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 3px; }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: 1rem; padding: .5rem 1rem; background: var(--page); z-index: 1; }
nav {
  position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.25rem 1rem 2rem; background: var(--panel);
  border-right: 1px solid var(--line); font-size: .875rem;
}
nav .brand { margin: 0 0 .5rem; font-size: 1.05rem; font-weight: 650; }
nav .brand span, .version { color: var(--faint); font-weight: 400; font-size: .8em; }
nav h2 { margin: 1.25rem 0 .25rem; font-size: .8rem; font-weight: 650; color: var(--faint); }
nav ul { list-style: none; margin: 0; padding: 0; }
nav li a { display: block; padding: .2rem .4rem; text-decoration: none; border-radius: 4px; overflow-wrap: anywhere; }
nav li a:hover { background: var(--page); text-decoration: underline; }
nav li code { background: none; padding: 0; }
main { padding: 1.5rem 2.5rem 4rem; max-width: 62rem; }
h1 { margin: 0 0 1rem; font-size: 1.9rem; line-height: 1.2; }
h2 { margin: 2.75rem 0 .5rem; font-size: 1.4rem; }
h3 { margin: 0 0 .25rem; font-size: 1.15rem; }
h4 { margin: 1.25rem 0 .4rem; font-size: .95rem; }
h3 a { color: inherit; text-decoration: none; }
h3 a:hover { text-decoration: underline; }
p { margin: .5rem 0; max-width: 46rem; }
section { margin: 1rem 0 1.5rem; padding: 1.1rem 1.25rem 1.25rem; border: 1px solid var(--line); border-radius: 8px; }
section:target { border-color: var(--link); box-shadow: 0 0 0 1px var(--link); }
code, pre { font: .875em/1.5 ui-monospace, "SFMono-Regular", Menlo, Consolas, "Liberation Mono", monospace; }
code { background: var(--panel); padding: .1em .3em; border-radius: 3px; overflow-wrap: anywhere; }
pre { margin: .4rem 0; padding: .8rem 1rem; background: var(--panel); border: 1px solid var(--line); border-radius: 6px; overflow-x: auto; }
pre code { background: none; padding: 0; font-size: 1em; overflow-wrap: normal; }
.method { display: inline-block; min-width: 4.8em; font-weight: 700; font-size: .78em; letter-spacing: .02em; color: var(--faint); }
.method.get { color: var(--get); }
.method.post, .method.query { color: var(--post); }
.method.delete { color: var(--delete); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--line); }
thead th { color: var(--faint); font-weight: 600; }
tbody th { font-weight: 400; }
tbody th code { white-space: nowrap; }
td:last-child { padding-right: 0; }
.required { color: var(--delete); font-size: .8em; }
@media (max-width: 60rem) {
  body { display: block; }
  nav { position: static; height: auto; max-height: 45vh; border-right: 0; border-bottom: 1px solid var(--line); }
  main { padding: 1.25rem 1rem 3rem; }
}
`
