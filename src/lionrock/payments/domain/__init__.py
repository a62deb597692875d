"""Pure rules of payments: messages, proxies, states. No I/O, clock or chance."""
