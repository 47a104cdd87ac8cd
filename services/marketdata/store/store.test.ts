import { createDatabase } from '@sluice/testing';
import { storeSuite } from './suite.ts';

storeSuite('plain', createDatabase);
