from terrace.site.cli import main

raise SystemExit(main())
