/** The cell of a name, which is cut off where it is too long; its title has all of it. */
export function NameCell({ name }: { readonly name: string }) {
  return (
    <td class="name" title={name}>
      {name}
    </td>
  )
}
