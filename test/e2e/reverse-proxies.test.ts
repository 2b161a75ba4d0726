import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { freePort, reachable } from '../fakes/servers.ts'
import { endWithTests } from './end-with-tests.ts'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

const nginx = '/usr/sbin/nginx'

function hasNginx(): boolean {
  if (existsSync(nginx)) return true
  if (process.env['CI'] === 'true') throw new Error('nginx is missing: .ci/run installs it')
  process.stderr.write('skipped: nginx is missing (.ci/run installs it)\n')
  return false
}

/** The `server` block of docs/reverse-proxies.md with this test's addresses. */
function serverBlock(port: number, gateway: string): string {
  const page = readFileSync(new URL('../../docs/reverse-proxies.md', import.meta.url), 'utf8')
  const block = /```nginx\n([\s\S]*?)```/.exec(page)![1]!
  return block
    .replace(/listen [^;]+;/, `listen 127.0.0.1:${port} http2;`)
    .replace(/ssl_certificate(_key)? [^;]+;/g, '')
    .replace(/grpc_pass [^;]+;/, `grpc_pass grpc://${gateway};`)
}

it.skipIf(!hasPython() || !hasNginx())(
  'nginx with the documented configuration forwards uploads and results',
  async () => {
    const gateway = await GatewayProcess.start({
      auth: { apiKeys: [{ name: 'me', key: 'k', roles: ['writer'] }] },
      sources: { demo: { kind: 'duckdb', writes: true } },
    })
    const folder = mkdtempSync(join(tmpdir(), 'flightgate-nginx-'))
    const port = await freePort()
    const file = join(folder, 'nginx.conf')
    writeFileSync(
      file,
      `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
     events {}
     http { access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/f;
       uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
       ${serverBlock(port, gateway.flight)} }`,
    )
    const server = spawn(nginx, ['-c', file, '-e', join(folder, 'error.log')], { stdio: 'inherit' })
    endWithTests(server)
    try {
      await reachable(port)
      expect(await runPython('through_proxy.py', `grpc://127.0.0.1:${port}`, '400000')).toEqual({
        uploaded: 400_000,
        same: true,
        bytes: true,
        sum: true,
        error: expect.stringContaining('nowhere does not exist'),
      })
    } finally {
      const ended = once(server, 'exit')
      server.kill('SIGTERM')
      await ended
      rmSync(folder, { recursive: true })
      expect(await gateway.stop()).toBe(0)
    }
  },
)
