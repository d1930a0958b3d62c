# Rocq checks all files, and then says which axioms the theorem rests on. Others than those of its
# real numbers and of its machine integers, such as a lemma that is only claimed, are refused.

all: Makefile.coq
	@$(MAKE) --no-print-directory -f Makefile.coq
	@coqc -R . Run Assumptions.v > assumptions.txt
	@awk "$$JUDGE" assumptions.txt

define JUDGE
/^Axioms:/ || /^Section Variables:/ || /^[ \t]/ { next }
/^Closed under/ { next }
{ name = $$1 }
name ~ /^(Classical_Prop\.classic|FunctionalExtensionality\.functional_extensionality_dep|ClassicalDedekindReals\.sig_(not_dec|forall_dec))$$/ { reals = reals "\n    " name; next }
name ~ /^PrimInt63\./ { operations++; next }
name ~ /^Uint63\./ { laws++; next }
{ others = others " " name }
END {
  print "Rocq accepts the theorem `run`. It rests on"
  print "  the real numbers of its standard library:" reals
  print "  its machine integers: " operations + 0 " types and operations (PrimInt63), " laws + 0 " laws (Uint63)"
  if (others) { print "and on what nobody proved:" others; exit 1 }
}
endef
export JUDGE

Makefile.coq: _CoqProject
	@coq_makefile -f _CoqProject -o $@

clean:
	rm -f *.vo *.vok *.vos *.glob .*.aux Makefile.coq Makefile.coq.conf .Makefile.coq.d assumptions.txt

.PHONY: all clean
