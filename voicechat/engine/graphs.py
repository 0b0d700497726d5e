class Captured:
    def __init__(self, fn, enabled=True): self.fn=fn
    def __call__(self,*a): return self.fn(*a)
