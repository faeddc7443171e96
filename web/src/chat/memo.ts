import { Component, h, type ComponentType } from "preact";

/** Returns the component, rendered again only if one of its props is another object. */
export function memo<P extends object>(Inner: (props: P) => preact.ComponentChild): ComponentType<P> {
  return class Memo extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      const names = new Set([...Object.keys(next), ...Object.keys(this.props)]) as Set<keyof P & string>;
      return [...names].some((name) => next[name] !== (this.props as P)[name]);
    }

    override render(): preact.ComponentChild {
      return h(Inner as ComponentType<P>, this.props as P);
    }
  };
}
