import { describe, expect, it } from 'vitest'
import { addressesOf, placeTickets } from '../../../src/sources/flightsql/results/locations.ts'

const own = { host: 'lead', port: 1, tls: false }
const at = (host: string, port = 2, tls = false) => ({ host, port, tls })

describe('the addresses that a result’s parts are fetched from', () => {
  it.each([
    ['no location', [], []],
    ['the connection itself', ['arrow-flight-reuse-connection://?'], []],
    ['another node', ['grpc://node:2'], [at('node')]],
    ['two nodes in order', ['grpc+tcp://a:2', 'grpc+tls://b:3'], [at('a'), at('b', 3, true)]],
    [
      'a node, then the connection itself',
      ['grpc://a:2', 'arrow-flight-reuse-connection://?', 'grpc://b:2'],
      [at('a')],
    ],
    ['the server’s own address', ['grpc://lead:1', 'grpc://a:2'], []],
    ['an unspecified address', ['grpc+tcp://0.0.0.0:32010'], []],
    ['an unspecified address, IPv6', ['grpc+tcp://[::]:32010'], []],
    ['an IPv6 address', ['grpc://[fd00::2]:2'], [at('fd00::2')]],
    ['no Flight URI', ['https://node/rows?sig=x', 'grpc+unix:///run/socket', 'grpc://node', 'grpc://u@node:2'], []],
  ])('%s', (_, locations, expected) => {
    expect(addressesOf(locations, own)).toEqual(expected)
  })

  it('a TLS server’s location without TLS is ignored', () => {
    expect(addressesOf(['grpc://a:2', 'grpc+tls://b:2'], { ...own, tls: true })).toEqual([at('b', 2, true)])
  })

  it('consecutive parts at the same address form one group', () => {
    const endpoint = (name: string, ...locations: string[]) => ({ ticket: Buffer.from(name), locations })
    const parts = placeTickets(
      [endpoint('1'), endpoint('2'), endpoint('3', 'grpc://a:2'), endpoint('4', 'grpc://a:2'), endpoint('5')],
      own,
    )
    expect(parts.map(({ addresses, tickets }) => [addresses.length, tickets.map(String)])).toEqual([
      [0, ['1', '2']],
      [1, ['3', '4']],
      [0, ['5']],
    ])
  })
})
