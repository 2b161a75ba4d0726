import { expect, it } from 'vitest'
import { Scope } from '../../src/async/scope.ts'

it('a scope closes in reverse order, one after another, and continues after a failure', async () => {
  const closed: string[] = []
  const scope = new Scope()
  const close = (name: string) => async () => {
    await new Promise((resolve) => setTimeout(resolve, 2))
    closed.push(name)
  }
  scope.defer(close('first'))
  scope.defer(() => {
    closed.push('second')
    throw new Error('second fails')
  })
  scope.defer(close('third'))
  await expect(Promise.all([scope.disposeAsync(), scope.disposeAsync()])).rejects.toThrow('second fails')
  expect(closed).toEqual(['third', 'second', 'first'])
  expect(() => scope.defer(() => {})).toThrow('closed')
})

it('several closers fail: the scope reports all errors', async () => {
  const scope = new Scope()
  for (const name of ['a', 'b']) scope.defer(() => Promise.reject(new Error(name)))
  await expect(scope.disposeAsync()).rejects.toMatchObject({ errors: [{ message: 'b' }, { message: 'a' }] })
})
