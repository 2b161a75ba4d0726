// Names of the browser that the types of playwright-core mention. The library "dom" would let the sources use a browser's globals.
type Node = object
type HTMLElement = object
type SVGElement = object
type HTMLElementTagNameMap = Record<string, HTMLElement>
