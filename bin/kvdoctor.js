#!/usr/bin/env node
import '../dist/bin/kvdoctor.js';
