def read(*a):
    raise SystemExit
